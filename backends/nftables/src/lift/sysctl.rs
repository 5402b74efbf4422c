//! The file of timeouts beside a ruleset (sysctl.conf(5)). It decides nothing; it is read so that nothing hides in it.

use palisade_ir::LiftError;

use super::cursor::decimal;

/// Checks that a file sets nothing but timeouts of connection tracking.
pub(super) fn check(text: &str) -> Result<(), LiftError> {
    for (at, line) in text.lines().enumerate() {
        let error = |message: String| LiftError { file: "sysctl", line: at + 1, message };
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line
            .strip_prefix('-')
            .unwrap_or(line)
            .split_once(" = ")
            .ok_or_else(|| error("expected `key = value`".to_owned()))?;
        let name = key.strip_prefix("net.netfilter.nf_conntrack_").unwrap_or_default();
        if !name.contains("timeout") || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(error(format!("`{}` is no timeout of connection tracking", key.escape_debug())));
        }
        if decimal::<u32>(value).is_none() {
            return Err(error("expected a number of seconds".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_timeouts() {
        assert!(check("# x\n\n-net.netfilter.nf_conntrack_icmp_timeout = 910\n").is_ok());
        for bad in [
            "net.ipv4.ip_forward = 1",
            "net.netfilter.nf_conntrack_max = 1",
            "net.netfilter.nf_conntrack_icmp_timeout = x",
            "net.netfilter.nf_conntrack_icmp_timeout",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
