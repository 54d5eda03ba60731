//! Load from wrk, and its results.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process;

/// The request that wrk repeats.
pub struct Load<'a> {
    /// The port of the server on 127.0.0.1.
    pub port: u16,
    /// The process of the server, whose CPU time is measured.
    pub pid: u32,
    /// The file with the cookies of the users who send requests in turn; see request.lua.
    pub users: &'a Path,
    pub method: &'a str,
    pub path: &'a str,
    /// The header `Accept-Encoding`: `gzip`, or empty for no such header.
    pub encodings: &'a str,
}

/// The result of one run.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// CPU time of the server for one request.
    pub cpu_ms: f64,
    /// Size of one answer with its head.
    pub octets: u64,
}

impl Load<'_> {
    /// Runs wrk with `connections`; `run` is a word that no other run has, for unique record names.
    pub fn run(&self, connections: usize, seconds: u64, run: &str) -> Measured {
        let cpu = process::cpu(self.pid);
        let output = Command::new("wrk")
            .args([
                "-t1",
                "-c",
                &connections.to_string(),
                "-d",
                &format!("{seconds}s"),
                "--timeout",
                "30s",
            ])
            .args([
                "-s",
                concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/benches/measure/http/request.lua"
                ),
            ])
            .arg(format!("http://127.0.0.1:{}", self.port))
            .arg("--")
            .arg(self.users)
            .args([self.method, self.path, self.encodings, run])
            .output()
            .expect("wrk is installed; script/bench http installs it");
        let used = process::cpu(self.pid) - cpu;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("measured "));
        let line = line
            .unwrap_or_else(|| panic!("wrk: {text}\n{}", String::from_utf8_lossy(&output.stderr)));
        let numbers: Vec<f64> = line
            .split(' ')
            .map(|number| number.parse().unwrap())
            .collect();
        let [requests, micros, octets, refused, broken, p50, p99] = numbers[..] else {
            panic!("wrk: {line}")
        };
        assert!(
            requests > 0.0 && refused == 0.0 && broken == 0.0,
            "{} {}: {line}",
            self.method,
            self.path
        );
        Measured {
            per_second: requests / Duration::from_micros(micros as u64).as_secs_f64(),
            p50_ms: p50 / 1e3,
            p99_ms: p99 / 1e3,
            cpu_ms: used.as_secs_f64() * 1e3 / requests,
            octets: (octets / requests) as u64,
        }
    }
}

/// Returns the run with the median of requests a second.
pub fn median(mut runs: Vec<Measured>) -> Measured {
    runs.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    runs[runs.len() / 2]
}
