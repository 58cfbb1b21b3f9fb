//! Random numbers that are the same everywhere.

/// A splitmix64 generator: small, and its sequence is fixed by its definition.
#[derive(Debug)]
pub struct Source(u64);

impl Source {
    /// A source for one part of what is made from the seed.
    pub fn new(seed: u64, part: u64) -> Source {
        let mut source = Source(seed ^ part.wrapping_mul(0xD1B5_4A32_D192_ED03));
        // Seeds that differ in one bit give streams that differ from the first number used.
        source.next();
        source
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `limit` - 1.
    pub fn below(&mut self, limit: usize) -> usize {
        assert!(0 < limit, "nothing lies below zero");
        let product = u128::from(self.next()) * limit as u128;
        (product >> 64) as usize
    }

    /// A number from `first` to `last`, both included.
    pub fn between(&mut self, first: i64, last: i64) -> i64 {
        let width = usize::try_from(last - first + 1).expect("the range is not empty");
        first + i64::try_from(self.below(width)).expect("it lies below the width")
    }

    /// True `in_ten_thousand` times of ten thousand.
    pub fn chance(&mut self, in_ten_thousand: usize) -> bool {
        self.below(10_000) < in_ten_thousand
    }

    /// One of the entries, each as often as its weight says.
    pub fn weighted<T: Copy>(&mut self, entries: &[(usize, T)]) -> T {
        let total = entries.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(total);
        for (weight, entry) in entries {
            if left < *weight {
                return *entry;
            }
            left -= weight;
        }
        unreachable!("the number lies below the sum of the weights")
    }

    /// One of the entries, each as often.
    pub fn one_of<T: Copy>(&mut self, entries: &[T]) -> T {
        entries[self.below(entries.len())]
    }
}
