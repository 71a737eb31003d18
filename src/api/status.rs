//! `GET /api/v1/status`: what runs here, as Pushgateway's clients ask for it. Nothing secret: no path of the machine, no
//! address, no tenant.

use super::call::Call;
use crate::exposition::write_json_labels;
use crate::exposition::write_json_string;
use crate::model::NameScheme;
use crate::model::rfc3339_nanos;
use crate::namespace::View;
use crate::rejection::Rejection;
use axum::response::IntoResponse;
use axum::response::Response;
use http::header::CONTENT_TYPE;

/// Pushgateway's flags that have a meaning here, with what would have to be given to it for the same.
const fn flags(utf8_names: bool) -> [(&'static str, &'static str); 4] {
    [
        ("push.disable-consistency-check", "false"),
        ("push.enable-utf8-names", if utf8_names { "true" } else { "false" }),
        ("web.enable-admin-api", "true"),
        ("web.enable-lifecycle", "false"),
    ]
}

/// The same for everybody who may read, but for whether its own tenant may push UTF-8 names. An operator pushes nothing.
pub async fn status(Call { api, scope: view, .. }: Call<View>) -> Result<Response, Rejection> {
    let utf8_names = match view {
        View::Tenant(scope) => api.reading_of(scope.tenant())?.names == NameScheme::Utf8,
        View::Fleet(_) => false,
    };
    let mut out = b"{\"status\":\"success\",\"data\":{\"build_information\":".to_vec();
    write_json_labels(&mut out, [("version", env!("CARGO_PKG_VERSION"))]);
    out.extend_from_slice(b",\"flags\":");
    write_json_labels(&mut out, flags(utf8_names));
    out.extend_from_slice(b",\"start_time\":");
    write_json_string(&mut out, &rfc3339_nanos(api.started));
    out.extend_from_slice(b"}}");
    Ok(([(CONTENT_TYPE, "application/json")], out).into_response())
}
