//! What there is to say, line by line.

use palisade_ir::decide::Decider;
use palisade_ir::{Direction, Family, Region, Verdict};

use super::{Report, Side};
use crate::diff::{ChainChange, Change, End, Kind, NicChange, NicEvent, Outside, Reach, Why};
use crate::report::{visible, words};

/// How many regions of one pair of rules are printed.
const MOST_OF_A_PAIR: usize = 8;
/// How many regions of one chain are printed.
const MOST_OF_A_CHAIN: usize = 40;
/// How many NICs of a list are named.
const MOST_ENDS: usize = 8;

/// Everything that text and Markdown print.
pub(super) struct Sheet {
    /// Settings and NICs, a line each.
    pub(super) notes: Vec<String>,
    /// What changed, per chain.
    pub(super) sections: Vec<Section>,
    /// What the envelope does not grant, where one is asked for.
    pub(super) outside: Option<Vec<Section>>,
    pub(super) verdict: String,
}

/// The packets of some NICs.
pub(super) struct Section {
    /// The first NIC, and the direction.
    pub(super) title: String,
    /// The NICs of which the same holds.
    pub(super) also: Option<String>,
    pub(super) entries: Vec<Entry>,
    /// What is left out behind the entries.
    pub(super) more: Option<String>,
}

/// Regions with the same rules behind them.
pub(super) struct Entry {
    pub(super) mark: char,
    /// Regions in words, and their sizes.
    pub(super) regions: Vec<(String, String)>,
    /// What is left out.
    pub(super) more: Option<String>,
    /// The rules.
    pub(super) reasons: Vec<String>,
}

impl Sheet {
    pub(super) fn of(report: &Report<'_>) -> Self {
        let Report { old: _, new: _, difference, within, generated: _, all } = report;
        let mut notes = Vec::new();
        if let Some((old, new)) = difference.session_timeout {
            notes.push(format!("session timeout: {old} s -> {new} s"));
        }
        if let Some((old, new)) = report.inner_scope() {
            notes.push(format!("inner scope: {old} -> {new}"));
        }
        notes.extend(difference.nics.iter().flat_map(nic));
        let sections = difference.chains.iter().map(|chain| section(report, chain)).collect();
        let outside = within.map(|(envelope, outside)| {
            outside.iter().map(|it| outside_section(&envelope, it, *all)).collect()
        });
        Self { notes, sections, outside, verdict: report.verdict() }
    }
}

fn nic(change: &NicChange) -> Vec<String> {
    let NicChange { end, event } = change;
    let name = name(end);
    match event {
        NicEvent::Added => vec![format!("{name}: added")],
        NicEvent::Removed => vec![format!("{name}: removed, the policy has no say there any more")],
        NicEvent::Moved { old, new } => moved(&name, old, new),
    }
}

fn moved(name: &str, old: &Reach, new: &Reach) -> Vec<String> {
    let mut lines = Vec::new();
    if old.addresses != new.addresses {
        let list =
            |reach: &Reach| reach.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        lines.push(format!("{name}: address {} -> {}", list(old), list(new)));
    }
    if old.via != new.via {
        let via = |reach: &Reach| reach.via.as_ref().map_or("none", |via| via.as_str()).to_owned();
        lines.push(format!("{name}: via {} -> {}", via(old), via(new)));
    }
    lines
}

fn name(End { instance, interface }: &End) -> String {
    format!("{} {}", instance.as_str(), interface.as_str())
}

/// All but the first of a list of NICs.
fn also(ends: &[End]) -> Option<String> {
    let others: Vec<String> = ends.iter().skip(1).map(name).collect();
    let shown = others.iter().take(MOST_ENDS).cloned().collect::<Vec<_>>().join(", ");
    match others.len() {
        0 => None,
        few if few <= MOST_ENDS => Some(format!("also {shown}")),
        many => Some(format!("also {shown} and {} more", many - MOST_ENDS)),
    }
}

fn section(report: &Report<'_>, chain: &ChainChange) -> Section {
    let ChainChange { ends, direction, changes } = chain;
    let first = ends.first().map(name).unwrap_or_default();
    let mut left = if report.all { usize::MAX } else { MOST_OF_A_CHAIN };
    let (mut entries, mut hidden) = (Vec::new(), Hidden::default());
    for Change { kind, old, new, regions } in changes {
        let (mark, verb) = match (kind, new.outcome.verdict) {
            (Kind::Allowed, _) => ('+', "allow"),
            (Kind::Denied, _) => ('-', "deny"),
            (Kind::Logging, Verdict::Allow) => ('!', "allow"),
            (Kind::Logging, Verdict::Deny) => ('!', "deny"),
        };
        let most = if report.all { usize::MAX } else { MOST_OF_A_PAIR.min(left) };
        let (regions, rest) = areas(regions, *direction, verb, most);
        if regions.is_empty() {
            hidden = Hidden { regions: hidden.regions + rest.regions, ..hidden };
            hidden.volume = hidden.volume.saturating_add(rest.volume);
            continue;
        }
        left = left.saturating_sub(regions.len());
        let was = old.map(|old| format!("was {}", reason(&report.old, old, *kind)));
        let now = format!("now {}", reason(&report.new, *new, *kind));
        let reasons = was.into_iter().chain([now]).collect();
        entries.push(Entry { mark, regions, more: rest.words(), reasons });
    }
    Section { title: format!("{first} {direction}"), also: also(ends), entries, more: hidden.words() }
}

/// `deny by web in 20 ssh (policy.sg:18)`
fn reason(side: &Side<'_>, decider: Decider, kind: Kind) -> String {
    let named = side.name(decider);
    let logged = match (kind, decider.outcome.log) {
        (Kind::Logging, false) => ", not logged,",
        (_, true) => ", logged,",
        (Kind::Allowed | Kind::Denied, false) => "",
    };
    let place = named.place.map(|(path, line)| format!(" ({}:{line})", visible(path))).unwrap_or_default();
    format!("{}{logged} by `{}`{place}", decider.outcome.verdict, named.words)
}

pub(super) fn outside_section(envelope: &Side<'_>, outside: &Outside, all: bool) -> Section {
    let Outside { ends, why } = outside;
    let first = ends.first().map(name).unwrap_or_default();
    let bare = |title: String| Section { title, also: also(ends), entries: Vec::new(), more: None };
    match why {
        Why::SessionTimeout { new, envelope } => {
            bare(format!("session timeout: {new} s, in the envelope {envelope} s"))
        }
        Why::Unknown => bare(format!("{first}: not in the envelope")),
        Why::Removed => bare(format!("{first}: removed, so nothing is denied there")),
        Why::Moved => bare(format!("{first}: has other addresses or another `via` in the envelope")),
        Why::Denied { direction, by, regions } => {
            let most = if all { usize::MAX } else { MOST_OF_A_PAIR };
            let (regions, rest) = areas(regions, *direction, "allow", most);
            let reasons = vec![format!("the envelope says {}", reason(envelope, *by, Kind::Allowed))];
            let entries = vec![Entry { mark: '+', regions, more: rest.words(), reasons }];
            Section { title: format!("{first} {direction}"), also: also(ends), entries, more: None }
        }
        Why::DeniesSome { direction, packet } => {
            let regions = vec![(words::packet(packet), "for one".to_owned())];
            let reasons = vec!["the envelope denies it; all such packets are too many to list".to_owned()];
            let entries = vec![Entry { mark: '+', regions, more: None, reasons }];
            Section { title: format!("{first} {direction}"), also: also(ends), entries, more: None }
        }
    }
}

/// Regions that are not printed.
#[derive(Default)]
struct Hidden {
    regions: usize,
    volume: u128,
}

impl Hidden {
    fn words(&self) -> Option<String> {
        let plural = if self.regions == 1 { "" } else { "s" };
        (self.regions > 0).then(|| {
            format!("and {} more region{plural}, addresses x ports: {}", self.regions, amount(self.volume))
        })
    }
}

/// Regions in words with their sizes, at most so many, and what is left out. Regions that are the same in both families
/// are one.
fn areas(
    regions: &[Region],
    direction: Direction,
    verb: &str,
    most: usize,
) -> (Vec<(String, String)>, Hidden) {
    let (both, single): (Vec<&Region>, Vec<&Region>) =
        regions.iter().partition(|region| regions.iter().any(|other| is_twin(region, other)));
    let both = both.into_iter().filter(|region| region.family() == Family::V4).map(|it| (it, true));
    let areas: Vec<(&Region, bool)> = both.chain(single.into_iter().map(|it| (it, false))).collect();
    let told = |(region, both): &(&Region, bool)| {
        let words = if *both { words::region(region) } else { words::region_of_family(region, direction) };
        (format!("{verb} {words}"), size(region, direction))
    };
    let rest = areas.get(most..).unwrap_or_default();
    let volume = rest.iter().fold(0_u128, |sum, (region, _)| sum.saturating_add(volume(region, direction)));
    (areas.iter().take(most).map(told).collect(), Hidden { regions: rest.len(), volume })
}

/// Whether two regions say the same of every address of different families.
fn is_twin(one: &Region, other: &Region) -> bool {
    let everyone = |region: &Region| {
        let all = (0, region.family().last());
        region.fields().iter().take(2).all(|field| field.iter().eq([all]))
    };
    one.family() != other.family()
        && everyone(one)
        && everyone(other)
        && one.fields().iter().skip(2).eq(other.fields().iter().skip(2))
}

/// The addresses of the other end, and the ports where they are tested.
fn size(region: &Region, direction: Direction) -> String {
    let addresses = super::json::addresses(region, direction);
    let addresses = match addresses {
        None => "any address".to_owned(),
        Some(1) => "1 address".to_owned(),
        Some(many) => format!("{} addresses", amount(many)),
    };
    match super::json::ports(region) {
        None => addresses,
        Some(0) => format!("{addresses}, no ports"),
        Some(1) => format!("{addresses}, 1 port"),
        Some(65_536) => format!("{addresses}, any port"),
        Some(many) => format!("{addresses}, {} ports", amount(many)),
    }
}

fn volume(region: &Region, direction: Direction) -> u128 {
    let addresses = super::json::addresses(region, direction).unwrap_or(region.family().last());
    addresses.saturating_mul(super::json::ports(region).unwrap_or(65_536).max(1))
}

/// A number; a large one, as IPv6 has them, as a power of two.
fn amount(number: u128) -> String {
    if number < 1 << 32 {
        return number.to_string();
    }
    let about = if number.is_power_of_two() { "" } else { "about " };
    format!("{about}2^{}", number.ilog2())
}
