//! How large one push may be.

/// The bounds of one push, its tenant's. What is over any of them is refused at the first byte that is, without reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushBounds {
    /// Bytes of the body, decompressed.
    pub body_bytes_max: u64,
    /// How many times as many bytes as were sent a compressed body may become, once it is longer than 64 KiB.
    pub decompression_ratio_max: u64,
    /// Families of one push.
    pub families_per_push_max: u64,
    /// Lines that one push becomes: a histogram counts once for each bucket, its sum and its count.
    pub series_per_push_max: u64,
    /// Bytes of one line of text, its line feed aside.
    pub line_bytes_max: u64,
    /// Labels of one series as it was pushed, grouping labels included.
    pub labels_per_series_max: u64,
    pub label_name_bytes_max: u64,
    pub label_value_bytes_max: u64,
    pub metric_name_bytes_max: u64,
}

impl Default for PushBounds {
    fn default() -> Self {
        Self {
            body_bytes_max: 10 << 20,
            decompression_ratio_max: 200,
            families_per_push_max: 10_000,
            series_per_push_max: 100_000,
            line_bytes_max: 64 << 10,
            labels_per_series_max: 64,
            label_name_bytes_max: 256,
            label_value_bytes_max: 4 << 10,
            metric_name_bytes_max: 512,
        }
    }
}
