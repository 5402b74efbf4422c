//! The kernel's settings that a target's `sysctl` file asks for, as they are.

use palisade_ir::Artifact;

use super::machine::Machine;

/// What the kernel has set otherwise than the file says, in words.
pub(super) fn drift(machine: &Machine<'_>, wanted: &Artifact) -> Vec<String> {
    let text = wanted.file("sysctl").and_then(|file| std::str::from_utf8(&file.contents).ok());
    let mut drift = Vec::new();
    for line in text.unwrap_or_default().lines().filter(|line| !line.starts_with('#')) {
        let Some((key, wanted)) = line.split_once(" = ") else { continue };
        // Behind a `-` stand keys that a kernel may be built without.
        let (key, optional) = key.strip_prefix('-').map_or((key, false), |key| (key, true));
        // Only names and dots reach the path: they come from the emitter, which writes the kernel's own keys.
        match machine.file(&format!("/proc/sys/{}", key.replace('.', "/"))) {
            Some(is) if is.trim() == wanted => {}
            Some(is) => drift.push(format!("`{key}` is {}, and should be {wanted}", is.trim())),
            None if optional => {}
            None => drift.push(format!("`{key}` is not there: connection tracking is not in use")),
        }
    }
    drift
}

#[cfg(test)]
mod tests {
    use super::*;
    use palisade_ir::ArtifactFile;

    #[test]
    fn settings_are_compared_with_the_kernel() {
        let Ok(is) = std::fs::read_to_string("/proc/sys/kernel/pid_max") else { return };
        let machine = Machine::new(None).unwrap();
        let found = |text: &str| {
            let files = vec![ArtifactFile::text("sysctl", text.to_owned())];
            drift(&machine, &Artifact { files })
        };
        assert_eq!(found(&format!("# x\n\nkernel.pid_max = {}\n-kernel.no.such = 1\n", is.trim())), [""; 0]);
        assert!(found("kernel.pid_max = 7\n")[0].ends_with("and should be 7"));
        assert!(found("kernel.no.such = 7\n")[0].contains("is not there"));
    }
}
