//! Kernel settings: sysctl.conf(5) text, connection tracking's timers only.

use std::collections::BTreeMap;

use super::BadLine;

/// The seconds of each timer, by its full key.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, u32>, BadLine> {
    let mut settings = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let bad = || BadLine::new(at + 1, format!("not a timer of connection tracking: `{line}`"));
        let (key, value) = line.split_once('=').ok_or_else(bad)?;
        let key = key.trim();
        let key = key.strip_prefix('-').unwrap_or(key).replace('/', ".");
        if !key.starts_with("net.netfilter.nf_conntrack_") || !key.contains("_timeout") {
            return Err(bad());
        }
        settings.insert(key, value.trim().parse().map_err(|_| bad())?);
    }
    Ok(settings)
}
