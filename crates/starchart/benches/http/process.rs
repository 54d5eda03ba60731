//! What a process has used, from /proc.

use std::time::Duration;

/// CPU time that the process has used, in the kernel and outside.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The name may hold anything but ends at the last bracket; utime and stime are the 14th and
    // 15th field of all.
    let after = stat.rsplit_once(')').expect("a name in brackets").1;
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    // USER_HZ is 100 on every architecture that Linux runs servers on.
    Duration::from_millis(ticks * 10)
}

/// Resident memory in MB (of 1024 KiB): now, and the most it ever was.
pub fn memory(pid: u32) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let read = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("a line");
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    };
    (read("VmRSS:"), read("VmHWM:"))
}

/// The process of a program that was given this port as its last argument.
pub fn with_port(name: &str, port: u16) -> u32 {
    let wanted = format!("--port\0{port}\0");
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let mut ours = pids.filter(|pid| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split('\0')
            .next()
            .is_some_and(|program| program.ends_with(name))
            && line.ends_with(&wanted)
    });
    ours.next().unwrap_or_else(|| panic!("no {name} on {port}"))
}

/// The process that was given this argument, such as `--port=3306`.
pub fn with_argument(argument: &str) -> u32 {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| {
            std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.split('\0').any(|given| given == argument))
        })
        .unwrap_or_else(|| panic!("no process with the argument {argument}"))
}
