//! Pseudorandom numbers: the same for the same seed.

/// The generator SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub(super) struct SeededRandom(u64);

impl SeededRandom {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to `limit - 1`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Returns true with a probability of `percent` in 100.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns a time span between `from` and `to` days, in milliseconds; negative: in the past.
    pub(super) fn days(&mut self, from: i64, to: i64) -> i64 {
        let span = u64::try_from((to - from) * super::DAY_MS).unwrap_or_default();
        from * super::DAY_MS + i64::try_from(self.below(span)).unwrap_or_default()
    }
}
