//! Host placement: every policy, every instance, every firewall.

use std::collections::BTreeSet;

use palisade_ir::{Direction, Placement, Verdict};
use palisade_testkit::lab::Lab;
use palisade_testkit::probe::{Fate, Probe};
use palisade_testkit::require_kernel;

use crate::expected;
use crate::firewall::{Firewall, LAYOUTS, bare};
use crate::packets;
use crate::subject::{Subject, named};

macro_rules! policies {
    ($($name:ident)*) => { $(
        #[test]
        fn $name() {
            require_kernel!();
            let subject = named(stringify!($name));
            every_instance(&subject, Verdict::Allow);
        }
    )* };
}

policies! { classic default dual enterprise gateway groupcast nics protocols scope ties tuple }

#[test]
fn nics_with_other_interfaces_closed() {
    require_kernel!();
    every_instance(&named("nics"), Verdict::Deny);
}

fn every_instance(subject: &Subject, unmanaged: Verdict) {
    let mut count = 0;
    let mut seen = BTreeSet::new();
    for at in subject.instances() {
        let lab = subject.host_lab(at);
        let mut options = bare(Placement::Host(at));
        options.unmanaged = unmanaged;
        let probes = [Direction::In, Direction::Out].map(|direction| {
            let probes = packets::host(subject, at, direction);
            let verdicts: Vec<Verdict> =
                probes.iter().map(|probe| expected::host(subject, at, direction, probe, unmanaged)).collect();
            (direction, probes, verdicts)
        });
        for (firewall, layout) in
            Firewall::WHOLE.into_iter().flat_map(|it| LAYOUTS.map(|layout| (it, layout)))
        {
            options.layout = layout;
            firewall.load(&lab, &firewall.emit(&subject.optimized, &options));
            for (direction, probes, verdicts) in &probes {
                let title = format!("{} {at:?} {direction} {firewall:?} {layout:?}", subject.name);
                check(&title, probes, verdicts, &fates(&lab, *direction, probes));
            }
            firewall.unload(&lab);
        }
        count += probes.iter().map(|(_, probes, _)| probes.len()).sum::<usize>();
        seen.extend(probes.iter().flat_map(|(_, _, verdicts)| verdicts.iter().copied()));
    }
    println!(
        "{}: {count} packets at each of {} firewalls in two layouts",
        subject.name,
        Firewall::WHOLE.len()
    );
    assert!(count >= 500 && seen.len() == 2, "{}: {count} packets, {seen:?}", subject.name);
}

pub fn fates(lab: &Lab, direction: Direction, probes: &[Probe]) -> Vec<Fate> {
    match direction {
        Direction::In => lab.input(probes),
        Direction::Out => lab.output(probes),
    }
    .unwrap()
}

/// Every packet got its verdict.
pub fn check(title: &str, probes: &[Probe], verdicts: &[Verdict], fates: &[Fate]) {
    assert_eq!(probes.len(), fates.len());
    let wanted = |verdict: &Verdict| match verdict {
        Verdict::Allow => Fate::Passed,
        Verdict::Deny => Fate::Dropped,
    };
    let wrong: Vec<String> = probes
        .iter()
        .zip(verdicts)
        .zip(fates)
        .filter(|((_, verdict), fate)| wanted(verdict) != **fate)
        .map(|((probe, verdict), fate)| format!("  want {verdict:?}, was {fate:?}: {probe:?}"))
        .collect();
    let shown = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{title}: {} of {} packets:\n{shown}", wrong.len(), probes.len());
}
