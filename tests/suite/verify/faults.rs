//! Small faults in the text of rulesets, as a slip of the hand or of a program would make them.

use palisade_ir::Artifact;
use palisade_testkit::sample::Dice;

/// A faulty artifact and what was done to it.
pub struct Fault {
    pub artifact: Artifact,
    pub what: String,
}

/// One fault in one line of one file; `None` when the line drawn offers no place for it.
pub fn fault(artifact: &Artifact, dice: &mut Dice) -> Option<Fault> {
    let files: Vec<usize> =
        (0..artifact.files.len()).filter(|at| artifact.files[*at].suffix != "sysctl").collect();
    let at = *dice.pick(&files)?;
    let text = String::from_utf8(artifact.files[at].contents.clone()).expect("text");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let candidates: Vec<usize> = (0..lines.len())
        .filter(|line| {
            let line = lines[*line].trim();
            !line.is_empty() && !line.starts_with('#') && !line.starts_with("type ")
        })
        .collect();
    let line = *dice.pick(&candidates)?;
    let before = lines[line].clone();
    let kind = match dice.below(7) {
        0 => {
            lines.remove(line);
            "drop the line"
        }
        1 => {
            let next = *candidates.iter().find(|next| **next > line)?;
            lines.swap(line, next);
            "swap with the next line"
        }
        2 => {
            lines[line] = swap_words(&before)?;
            "swap a verdict"
        }
        3 | 4 => {
            lines[line] = number(&before, dice)?;
            "change a number"
        }
        5 => {
            lines[line] = without_word(&before, dice)?;
            "drop a word or element"
        }
        _ => {
            let copy = lines[line].clone();
            lines.insert(*dice.pick(&candidates)?, copy);
            "say a line twice"
        }
    };
    let after = lines.join("\n") + "\n";
    let what = format!("{kind}: {}:{}: {before}", artifact.files[at].suffix, line + 1);
    let mut artifact = artifact.clone();
    artifact.files[at].contents = after.into_bytes();
    Some(Fault { artifact, what })
}

/// The part of a line that is not a comment's or a log prefix's text.
fn code(line: &str) -> &str {
    line.find(['"']).filter(|_| line.contains("comment")).map_or(line, |end| &line[..end])
}

fn swap_words(line: &str) -> Option<String> {
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
    ];
    let (from, to) = pairs.into_iter().find(|(from, _)| line.contains(from))?;
    Some(line.replacen(from, to, 1))
}

/// One number a little larger or smaller: a port, a byte of an address, a prefix length, a protocol.
fn number(line: &str, dice: &mut Dice) -> Option<String> {
    let code = code(line);
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (at, c) in code.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
        match spans.last_mut() {
            Some((_, end)) if *end == at => *end = at + c.len_utf8(),
            _ => spans.push((at, at + c.len_utf8())),
        }
    }
    let (start, end) = *dice.pick(&spans)?;
    let number: u64 = code[start..end].parse().ok()?;
    let changed = if dice.percent(50) { number + 1 } else { number.checked_sub(1)? };
    Some(format!("{}{changed}{}", &line[..start], &line[end..]))
}

fn without_word(line: &str, dice: &mut Dice) -> Option<String> {
    let code = code(line);
    let words: Vec<&str> = code.split_whitespace().collect();
    let word = *dice.pick(&words)?;
    let at = code.find(word)?;
    Some(format!("{}{}", &line[..at], &line[at + word.len()..]))
}
