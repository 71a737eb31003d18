//! The bounds of native buckets, to the last bit those that Prometheus' own programs have.

/// 2^(2^-s) for each resolution `s` from 1 on. All but the first are the nearest floats there are. The first is one below
/// it, as Prometheus has it: with the nearest one, clients would find bounds here that they find nowhere else.
#[expect(clippy::approx_constant, reason = "it is to be what Prometheus has, and not the root of two")]
const STEPS: [f64; 8] = [
    1.414213562373095,
    1.189207115002721,
    1.0905077326652577,
    1.0442737824274138,
    1.0218971486541166,
    1.0108892860517005,
    1.0054299011128027,
    1.0027112750502025,
];

/// What no exponent of a float reaches, in either direction.
const EXPONENT_MAX: i64 = 1100;

/// The upper bound of the bucket `index` above zero, and the lower one of the bucket behind it.
pub(super) fn bound(index: i64, schema: i64) -> f64 {
    let schema = schema.clamp(-4, 8);
    if schema <= 0 {
        return scaled(1.0, index.saturating_mul(1 << -schema));
    }
    scaled(fraction(index, schema), index >> schema)
}

/// Where in its octave a bound is, from 1 to below 2. Of the bits of an index, each stands for one step; a coarse one is
/// taken before a fine one, so that a bound is the same in every resolution that has it.
fn fraction(index: i64, schema: i64) -> f64 {
    let steps = (0..schema).rev().zip(STEPS);
    steps.filter(|(bit, _)| index >> bit & 1 == 1).fold(1.0, |bound, (_, step)| bound * step)
}

/// `fraction` times two to the power of `exponent`. The bound that is 2^1024 is the largest float instead: what is above
/// it is infinite, and in a bucket of its own.
fn scaled(fraction: f64, exponent: i64) -> f64 {
    if exponent == 1024 && fraction == 1.0 {
        return f64::MAX;
    }
    let exponent = exponent.clamp(-EXPONENT_MAX, EXPONENT_MAX);
    // In two steps, neither of which is out of a float's range; the first is exact.
    let half = exponent / 2;
    fraction * power_of_two(half) * power_of_two(exponent - half)
}

/// Two to the power of what an exponent can be.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(exponent.saturating_add(1023).clamp(1, 2046).unsigned_abs() << 52)
}

#[cfg(test)]
mod tests {
    use super::bound;

    #[test]
    fn bounds_are_those_of_prometheus() {
        for (index, schema, expected) in [
            (0, 0, 1.0),
            (3, 0, 8.0),
            (-3, 0, 0.125),
            (1, 1, 2.0 * 0.7071067811865475),
            (-1, 1, 0.7071067811865475),
            (2, 1, 2.0),
            (7, 3, 1.8340080864093422),
            (6, 4, 2.0 * 0.6484197773255048),
            (-1, 8, 0.9972960560854698),
            (-256 * 3 + 5, 8, 0.5068150424757447 / 4.0),
            (1, -4, 65536.0),
            (-1, -4, 1.0 / 65536.0),
            (1024, 0, f64::MAX),
            (512, -1, f64::MAX),
            (1024 << 8, 8, f64::MAX),
            (1025, 0, f64::INFINITY),
            ((1024 << 8) + 1, 8, f64::INFINITY),
            (-1074, 0, 5e-324),
            (-1075, 0, 0.0),
            (i64::MAX, -4, f64::INFINITY),
            (i64::MIN, -4, 0.0),
        ] {
            assert_eq!(bound(index, schema).to_bits(), f64::to_bits(expected), "{index} of {schema}");
        }
    }

    #[test]
    fn the_finest_octave_is_prometheus_table() {
        // The table folded, each value times one half as it stands there.
        let folded = (0..256)
            .fold(0_u64, |folded, index| folded.wrapping_mul(31).wrapping_add((bound(index, 8) / 2.0).to_bits()));
        assert_eq!(folded, 0xacf6_c159_a056_d65f);
    }

    #[test]
    fn a_bound_is_the_same_in_every_resolution_that_has_it() {
        for index in -3000..3000 {
            for schema in -4..8 {
                assert_eq!(bound(index, schema).to_bits(), bound(index * 2, schema + 1).to_bits());
            }
        }
    }
}
