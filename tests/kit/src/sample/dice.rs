//! A small seeded generator of numbers (SplitMix64, by Sebastiano Vigna): no clock, no system randomness.

/// A source of numbers that depends on its seed alone.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A generator; equal seeds give equal numbers.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub const fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.roll() % end as u64) as usize }
    }

    /// A number from `first` to `last`.
    pub const fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// Whether something of this probability happens.
    pub const fn percent(&mut self, probability: usize) -> bool {
        self.below(100) < probability
    }

    /// One of the elements.
    pub fn pick<'a, T>(&mut self, elements: &'a [T]) -> Option<&'a T> {
        elements.get(self.below(elements.len()))
    }

    /// One of some words; none from an empty list.
    pub fn word<'a>(&mut self, words: &[&'a str]) -> &'a str {
        self.pick(words).copied().unwrap_or_default()
    }

    /// Brings the elements into another order.
    pub fn shuffle<T>(&mut self, elements: &mut [T]) {
        for at in (1..elements.len()).rev() {
            elements.swap(at, self.below(at + 1));
        }
    }

    /// At least one and at most `most` of the elements, in another order.
    pub fn some<T: Clone>(&mut self, elements: &[T], most: usize) -> Vec<T> {
        let mut chosen = elements.to_vec();
        self.shuffle(&mut chosen);
        chosen.truncate(self.between(1, most));
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rolls_the_published_numbers() {
        let mut dice = Dice::new(1_234_567);
        assert_eq!([dice.roll(), dice.roll()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn keeps_every_element() {
        let mut dice = Dice::new(7);
        let mut numbers: Vec<u8> = (0..50).collect();
        dice.shuffle(&mut numbers);
        assert_ne!(numbers, (0..50).collect::<Vec<u8>>());
        numbers.sort_unstable();
        assert_eq!(numbers, (0..50).collect::<Vec<u8>>());
        assert!((0..100).all(|_| (1..=3).contains(&dice.some(&numbers, 3).len())));
    }
}
