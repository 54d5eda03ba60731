//! CPU time and memory of a process, from /proc.

use std::time::Duration;

/// Returns the CPU time of the process, in user and in kernel mode.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The second field, the name, may contain any character but ends at the last bracket. utime
    // and stime are fields 14 and 15 (proc(5)).
    let after = stat.rsplit_once(')').expect("a name in brackets").1;
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    // A tick (USER_HZ) is a hundredth of a second on all usual architectures.
    Duration::from_millis(ticks * 10)
}

/// Returns the resident memory in MB (of 1024 KiB): now, and at its peak.
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

/// Returns the process of a program whose last argument is this port.
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

/// Returns the process with this argument, such as `--port=3306`.
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
