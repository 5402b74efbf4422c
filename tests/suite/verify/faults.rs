//! Small faults in rulesets, as a slip of the hand or of a program would make them.

use palisade::targets::Target;
use palisade_ir::Artifact;
use palisade_testkit::sample::Dice;

use super::bytes;

/// A faulty artifact and what was done to it.
pub struct Fault {
    pub artifact: Artifact,
    pub what: String,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    DropLine,
    DropRule,
    DropJump,
    DropElement,
    DropWord,
    LoseFamily,
    RepeatLine,
    SwapLines,
    SwapVerdict,
    ChangeNumber,
    ChangePort,
    ChangePrefix,
    FlipBit,
    ChangeWord,
    ClearWord,
    SwapWords,
    RepeatWord,
}

impl Kind {
    /// In text.
    pub const TEXT: [Self; 12] = [
        Self::DropLine,
        Self::DropRule,
        Self::DropJump,
        Self::DropElement,
        Self::DropWord,
        Self::LoseFamily,
        Self::RepeatLine,
        Self::SwapLines,
        Self::SwapVerdict,
        Self::ChangeNumber,
        Self::ChangePort,
        Self::ChangePrefix,
    ];
    /// In a compiled matcher.
    pub const BYTES: [Self; 5] =
        [Self::FlipBit, Self::ChangeWord, Self::ClearWord, Self::SwapWords, Self::RepeatWord];

    /// The kinds that a target's text offers places for.
    pub fn of(target: Target) -> Vec<Self> {
        let text_only = |kind: &Self| {
            !matches!(
                kind,
                Self::DropJump | Self::DropElement | Self::LoseFamily | Self::ChangePort | Self::ChangePrefix
            )
        };
        if target == Target::Matcher {
            return Self::BYTES.to_vec();
        }
        Self::TEXT.into_iter().filter(|kind| target != Target::Rust || text_only(kind)).collect()
    }
}

/// One fault of a kind in one file; `None` when the place drawn offers none.
pub fn fault(artifact: &Artifact, kind: Kind, dice: &mut Dice) -> Option<Fault> {
    let files: Vec<usize> =
        (0..artifact.files.len()).filter(|at| artifact.files[*at].suffix != "sysctl").collect();
    let file = *dice.pick(&files)?;
    if Kind::BYTES.contains(&kind) {
        let (contents, what) = bytes::changed(&artifact.files[file].contents, kind, dice)?;
        let mut faulty = artifact.clone();
        faulty.files[file].contents = contents;
        return Some(Fault { artifact: faulty, what: format!("{kind:?}: {what}") });
    }
    let text = String::from_utf8(artifact.files[file].contents.clone()).expect("text");
    // The code below the tables of a Rust module is the same everywhere, and any change of it is refused.
    let (text, code) = text.split_at(text.find("\nuse core::").unwrap_or(text.len()));
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let (after, what) = changed(lines, kind, dice)?;
    let mut faulty = artifact.clone();
    let end = if code.is_empty() { "\n" } else { code };
    faulty.files[file].contents = (after.join("\n") + end).into_bytes();
    let what = format!("{kind:?}: {}: {what}", artifact.files[file].suffix);
    (faulty != *artifact).then_some(Fault { artifact: faulty, what })
}

/// The lines with a fault, and the line it is in.
fn changed(mut lines: Vec<String>, kind: Kind, dice: &mut Dice) -> Option<(Vec<String>, String)> {
    let candidates: Vec<usize> = (0..lines.len()).filter(|at| fits(&lines[*at], kind)).collect();
    let at = *dice.pick(&candidates)?;
    let before = lines[at].clone();
    match kind {
        Kind::DropLine | Kind::DropRule | Kind::DropJump => drop(lines.remove(at)),
        Kind::DropElement => match element(&before, dice) {
            Some(less) => lines[at] = less,
            None => drop(lines.remove(at)),
        },
        Kind::DropWord => lines[at] = without_word(&before, dice)?,
        Kind::LoseFamily => {
            let family = if before.contains("ip6") { "ip6" } else { "ip " };
            let lost = |line: &String| match line.starts_with("-A") {
                true => true,
                false => fits(line, kind) && line.contains(family),
            };
            lines.retain(|line| !lost(line));
        }
        Kind::RepeatLine => {
            let place = *dice.pick(&candidates)?;
            lines.insert(place, before.clone());
        }
        Kind::SwapLines => {
            let near: Vec<usize> =
                candidates.iter().copied().filter(|other| *other > at && *other < at + 9).collect();
            lines.swap(at, *dice.pick(&near)?);
        }
        Kind::SwapVerdict => lines[at] = swapped(&before, dice)?,
        Kind::ChangeNumber => lines[at] = number(&before, dice, |_| true)?,
        Kind::ChangePort => {
            let port =
                |before: &str| before.trim_end().ends_with("port") || before.ends_with(['-', ':', ',']);
            lines[at] = number(&before, dice, port)?;
        }
        Kind::ChangePrefix => lines[at] = prefix(&before, dice)?,
        Kind::FlipBit | Kind::ChangeWord | Kind::ClearWord | Kind::SwapWords | Kind::RepeatWord => {
            return None;
        }
    }
    Some((lines, format!("line {}: {before}", at + 1)))
}

/// Whether a line offers a place for a fault.
fn fits(line: &str, kind: Kind) -> bool {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') || line.starts_with("//") || line.starts_with("type ") {
        return false;
    }
    let code = &unquoted(line);
    let jumps = [" jump ", " goto ", " -g "].iter().any(|word| code.contains(word))
        || code.split(" -j ").nth(1).is_some_and(|to| !to.starts_with(|c: char| c.is_ascii_uppercase()));
    let verdict = [" accept", " drop", " return", "-j ", "Allow", "Deny", "GoOn"]
        .iter()
        .any(|word| format!(" {code}").contains(word));
    match kind {
        Kind::DropJump => jumps,
        Kind::DropRule => verdict || jumps,
        Kind::DropElement => {
            code.contains(", ") || code.ends_with(',') || code.starts_with("add ") || code.contains("ports ")
        }
        Kind::LoseFamily => code.starts_with("ip ") || code.starts_with("ip6 ") || code.starts_with("-A"),
        Kind::ChangePort => code.contains("port"),
        Kind::ChangePrefix => code.contains('.') || code.contains("::"),
        Kind::SwapVerdict => verdict || jumps,
        Kind::DropLine | Kind::DropWord | Kind::RepeatLine | Kind::SwapLines | Kind::ChangeNumber => true,
        Kind::FlipBit | Kind::ChangeWord | Kind::ClearWord | Kind::SwapWords | Kind::RepeatWord => false,
    }
}

/// A line without what is quoted in it.
fn unquoted(line: &str) -> String {
    line.split('"').step_by(2).collect()
}

/// The part of a line that is not a comment's or a log prefix's text.
fn code(line: &str) -> &str {
    let comment = line.find(['"']).filter(|_| line.contains("comment")).or_else(|| line.find(" // "));
    comment.map_or(line, |end| &line[..end])
}

fn swapped(line: &str, dice: &mut Dice) -> Option<String> {
    let pairs = [
        (" accept", " drop"),
        (" drop", " accept"),
        (" return", " drop"),
        ("-j ACCEPT", "-j DROP"),
        ("-j DROP", "-j ACCEPT"),
        ("-j RETURN", "-j ACCEPT"),
        (" goto ", " jump "),
        (" jump ", " goto "),
        ("-g ", "-j "),
        (" saddr ", " daddr "),
        (" daddr ", " saddr "),
        (" tcp ", " udp "),
        (" udp ", " tcp "),
        ("--dport", "--sport"),
        ("Allow", "Deny"),
        ("Deny", "Allow"),
        ("AllowAndLog", "Allow"),
        ("GoOn", "Deny"),
        ("Source(", "Destination("),
        ("DestinationPort(", "SourcePort("),
        ("((6,", "((17,"),
        ("..Among::ALL", "source_port: &[(1, 1)], ..Among::ALL"),
    ];
    let there: Vec<&(&str, &str)> = pairs.iter().filter(|(from, _)| line.contains(from)).collect();
    let (from, to) = *dice.pick(&there)?;
    Some(line.replacen(from, to, 1))
}

/// One number a little larger or smaller, where what stands before it is as wanted.
fn number(line: &str, dice: &mut Dice, wanted: fn(&str) -> bool) -> Option<String> {
    let code = code(line);
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (at, c) in code.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
        match spans.last_mut() {
            Some((_, end)) if *end == at => *end = at + c.len_utf8(),
            _ => spans.push((at, at + c.len_utf8())),
        }
    }
    spans.retain(|(start, _)| wanted(&code[..*start]) || wanted(code[..*start].trim_end()));
    let (start, end) = *dice.pick(&spans)?;
    let number: u64 = code[start..end].parse().ok()?;
    let changed = if dice.percent(50) { number + 1 } else { number.checked_sub(1)? };
    Some(format!("{}{changed}{}", &line[..start], &line[end..]))
}

/// A prefix one bit longer or shorter; an address alone becomes a prefix one bit short.
fn prefix(line: &str, dice: &mut Dice) -> Option<String> {
    let code = code(line);
    let is_part = |c: char| c.is_ascii_hexdigit() || ".:/".contains(c);
    let words: Vec<&str> = code.split(|c| !is_part(c)).collect();
    let addresses: Vec<&str> = words
        .into_iter()
        .filter(|word| word.split('/').next().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok()))
        .collect();
    let word = *dice.pick(&addresses)?;
    let at = code.find(word)?;
    let (address, length) = match word.split_once('/') {
        Some((address, length)) => (address, length.parse().ok()?),
        None => (word, if word.contains(':') { 128 } else { 32 }),
    };
    let other: u32 = if dice.percent(70) || length > 31 { length - 1 } else { length + 1 };
    let network = ipnet::IpNet::new(address.parse().ok()?, other as u8).ok()?.trunc();
    Some(format!("{}{network}{}", &line[..at], &line[at + word.len()..]))
}

/// A line with one element of a list less; `None` when the line is itself an element.
fn element(line: &str, dice: &mut Dice) -> Option<String> {
    let code = code(line);
    if let (Some(start), Some(end)) = (code.find("{ "), code.rfind(" }")) {
        let mut elements: Vec<&str> = code.get(start + 2..end)?.split(", ").collect();
        if elements.len() > 1 {
            elements.remove(dice.below(elements.len()));
            return Some(format!("{}{}{}", &line[..start + 2], elements.join(", "), &line[end..]));
        }
    }
    let (before, list) = code.split_once("ports ")?;
    let list = list.split(' ').next()?;
    let mut elements: Vec<&str> = list.split(',').collect();
    elements.remove(dice.below(elements.len()));
    Some(line.replacen(&format!("{before}ports {list}"), &format!("{before}ports {}", elements.join(",")), 1))
}

fn without_word(line: &str, dice: &mut Dice) -> Option<String> {
    let code = code(line);
    let words: Vec<&str> = code.split_whitespace().collect();
    let word = *dice.pick(&words)?;
    let at = code.find(word)?;
    Some(format!("{}{}", &line[..at], &line[at + word.len()..]))
}
