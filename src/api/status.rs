//! `GET /api/v1/status`: what runs here, as Pushgateway's clients ask for it. Nothing secret: no path of the machine, no
//! address, no tenant.

use super::state::Api;
use crate::exposition::write_json_labels;
use crate::exposition::write_json_string;
use crate::model::rfc3339_nanos;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;
use http::header::CONTENT_TYPE;

/// Pushgateway's flags that have a meaning here, with what would have to be given to it for the same.
const FLAGS: [(&str, &str); 4] = [
    ("push.disable-consistency-check", "false"),
    ("push.enable-utf8-names", "false"),
    ("web.enable-admin-api", "true"),
    ("web.enable-lifecycle", "false"),
];

/// The same for everybody who may read.
pub async fn status(State(api): State<Api>) -> Response {
    let mut out = b"{\"status\":\"success\",\"data\":{\"build_information\":".to_vec();
    write_json_labels(&mut out, [("version", env!("CARGO_PKG_VERSION"))]);
    out.extend_from_slice(b",\"flags\":");
    write_json_labels(&mut out, FLAGS);
    out.extend_from_slice(b",\"start_time\":");
    write_json_string(&mut out, &rfc3339_nanos(api.started));
    out.extend_from_slice(b"}}");
    ([(CONTENT_TYPE, "application/json")], out).into_response()
}
