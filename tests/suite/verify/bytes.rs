//! Small faults in compiled matchers, with the checksum that they should have: behind it stands what answers packets.

use std::ops::Range;

use palisade_testkit::sample::Dice;

use super::faults::Kind;

/// Magic, format, length of the body, checksum of all but the magic.
const FRAME: usize = 24;

/// The bytes with a fault, and the place it is at. Most faults are in the look-up structures, some in what says who is
/// asked, and a few in the rules, which only some structures ask for.
pub fn changed(bytes: &[u8], kind: Kind, dice: &mut Dice) -> Option<(Vec<u8>, String)> {
    let head = part(bytes, FRAME)?;
    let rules = part(bytes, head.end)?;
    let (name, part) = match dice.below(20) {
        0 => ("rules", rules),
        1..4 => ("head", head),
        _ => ("structures", rules.end..bytes.len()),
    };
    let width = [1, 2, 4][dice.below(3)];
    let places = part.len().checked_sub(width).filter(|places| *places > 0)?;
    let at = part.start + dice.below(places);
    let mut faulty = bytes.to_vec();
    match kind {
        Kind::FlipBit => faulty[at] ^= 1 << dice.below(8),
        Kind::ChangeWord => {
            let mut word = [0; 4];
            word[..width].copy_from_slice(&bytes[at..at + width]);
            let word = u32::from_le_bytes(word);
            let word = if dice.percent(50) { word.wrapping_add(1) } else { word.wrapping_sub(1) };
            faulty[at..at + width].copy_from_slice(&word.to_le_bytes()[..width]);
        }
        Kind::ClearWord => faulty[at..at + width].fill(0),
        Kind::SwapWords => {
            let other = part.start + dice.below(places);
            for place in 0..width {
                faulty.swap(at + place, other + place);
            }
        }
        Kind::RepeatWord => {
            let other = part.start + dice.below(places);
            faulty.copy_within(other..other + width, at);
        }
        _ => return None,
    }
    (faulty != bytes).then(|| (mended(faulty), format!("{name}: {width} bytes at {at}")))
}

/// A part of the body, behind its length.
fn part(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let length = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize;
    Some(at + 8..at + 8 + length)
}

fn mended(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&bytes[8..20]);
    sum.update(&bytes[FRAME..]);
    bytes[20..FRAME].copy_from_slice(&sum.finalize().to_le_bytes());
    bytes
}
