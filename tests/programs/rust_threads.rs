// Rust's threads, channels, locks, sockets and child processes; with an argument, a thread overflows its stack.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::{Duration, Instant};

fn deeper(n: u64) -> u64 {
    let frame = [n; 64];
    if n == u64::MAX {
        return 0;
    }
    deeper(n + 1) + unsafe { std::ptr::read_volatile(&frame[(n % 64) as usize]) }
}

fn channels() {
    let (tx, rx) = mpsc::channel();
    let (stx, srx) = mpsc::sync_channel(1);
    let makers: Vec<_> = (0..6u64)
        .map(|n| {
            let tx = tx.clone();
            let stx = stx.clone();
            thread::spawn(move || {
                for i in 0..200 {
                    tx.send(n * 1000 + i).unwrap();
                    stx.send(i).unwrap();
                }
            })
        })
        .collect();
    drop((tx, stx));
    let other = thread::spawn(move || srx.iter().sum::<u64>());
    println!("channels {} {}", rx.iter().sum::<u64>(), other.join().unwrap());
    makers.into_iter().for_each(|m| m.join().unwrap());
    let (_keep, rx) = mpsc::channel::<u8>();
    println!("{:?}", rx.recv_timeout(Duration::from_millis(5)));
}

fn locks() {
    static ONCE: Once = Once::new();
    static ONCES: AtomicUsize = AtomicUsize::new(0);
    let pair = Arc::new((Mutex::new(0usize), Condvar::new()));
    let table = Arc::new(RwLock::new(vec![0usize; 4]));
    let barrier = Arc::new(Barrier::new(8));
    let leaders: usize = (0..8)
        .map(|n| {
            let (pair, table, barrier) = (pair.clone(), table.clone(), barrier.clone());
            thread::spawn(move || {
                ONCE.call_once(|| {
                    ONCES.fetch_add(1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(2));
                });
                let leads = barrier.wait().is_leader();
                for i in 0..300 {
                    *pair.0.lock().unwrap() += 1;
                    pair.1.notify_all();
                    if i % 10 == 0 {
                        table.write().unwrap()[n % 4] += 1;
                    } else {
                        assert!(table.read().unwrap().len() == 4);
                    }
                }
                leads as usize
            })
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|t| t.join().unwrap())
        .sum();
    let mut n = pair.0.lock().unwrap();
    while *n < 2400 {
        n = pair.1.wait(n).unwrap();
    }
    println!("locks {} {:?} {} {}", *n, table.read().unwrap(), leaders, ONCES.load(Ordering::SeqCst));
    let (_n, t) = pair.1.wait_timeout(n, Duration::from_millis(3)).unwrap();
    println!("timed out {}", t.timed_out());
}

fn sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        for _ in 0..10 {
            let (mut s, _) = listener.accept().unwrap();
            thread::spawn(move || {
                let mut text = String::new();
                s.read_to_string(&mut text).unwrap();
                s.write_all(text.to_uppercase().as_bytes()).unwrap();
            });
        }
    });
    let answers: Vec<String> = (0..10)
        .map(|n| {
            thread::spawn(move || {
                let mut s = TcpStream::connect(at).unwrap();
                write!(s, "client {}", n).unwrap();
                s.shutdown(std::net::Shutdown::Write).unwrap();
                let mut text = String::new();
                s.read_to_string(&mut text).unwrap();
                text
            })
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|t| t.join().unwrap())
        .collect();
    server.join().unwrap();
    println!("{}", answers.join(", "));
    let quiet = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut s = TcpStream::connect(quiet.local_addr().unwrap()).unwrap();
    s.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    println!("{:?}", s.read(&mut [0; 4]).unwrap_err().kind());
}

fn main() {
    if std::env::args().len() > 1 {
        let t = thread::Builder::new().name("deep".into()).stack_size(256 << 10);
        t.spawn(|| println!("{}", deeper(0))).unwrap().join().unwrap();
        return;
    }
    channels();
    locks();
    sockets();
    let begin = Instant::now();
    let parked = thread::spawn(|| thread::park_timeout(Duration::from_secs(20)));
    parked.thread().unpark();
    parked.join().unwrap();
    println!("unparked {}", begin.elapsed() < Duration::from_secs(15));
    std::panic::set_hook(Box::new(|info| println!("hook: {}", info.location().is_some())));
    let panics = thread::Builder::new().name("panics".into()).spawn(|| panic!("on purpose")).unwrap();
    println!("panicked {}", panics.join().is_err());
    let mut sum = 0;
    let data = vec![1, 2, 3];
    thread::scope(|s| {
        s.spawn(|| sum = data.iter().sum());
    });
    let outputs: Vec<_> = (0..4)
        .map(|n| thread::spawn(move || Command::new("echo").arg(n.to_string()).output().unwrap().stdout))
        .map(|t| String::from_utf8(t.join().unwrap()).unwrap())
        .collect();
    println!("{} {:?}", sum, outputs);
}
