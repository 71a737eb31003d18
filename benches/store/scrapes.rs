//! Scrapes of an operator over all tenants through the whole gateway but its sockets: what each takes of the processor, in
//! each encoding, and after some groups were pushed again.

use super::Shape;
use super::TENANTS;
use super::resident;
use http_body_util::BodyExt;
use pushward::config::Tenant;
use pushward::model::OperatorScope;
use pushward::model::Quota;
use pushward::model::Verb;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use std::fs;
use std::num::NonZeroU32;
use std::time::Duration;
use std::time::Instant;

/// On the processors, of all threads there are.
fn spent() -> Duration {
    let threads = fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let spent = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    Duration::from_nanos(spent.map(|text| text.split(' ').next().unwrap().parse::<u64>().unwrap()).sum())
}

async fn scrape(what: &str, operator: &Client) -> usize {
    let (before, began) = (spent(), Instant::now());
    let mut body = operator.begin("GET", "/metrics", "").await.into_body();
    let (mut bytes, mut first) = (0, None);
    while let Some(frame) = body.frame().await {
        first.get_or_insert_with(|| began.elapsed());
        bytes += frame.unwrap().into_data().unwrap().len();
    }
    let (spent, all, first) = (spent() - before, began.elapsed(), first.unwrap());
    println!(
        "{what}: {bytes} bytes, {spent:?} of processor, {all:?}, the first after {first:?}; resident {} MiB",
        resident() >> 20
    );
    bytes
}

fn roomy(tenant: &mut Tenant) {
    let most = NonZeroU32::MAX;
    let pace = &mut tenant.limits.pace;
    for rate in [&mut pace.requests, &mut pace.kib, &mut pace.samples] {
        (rate.per_second, rate.burst) = (most, most);
    }
    tenant.limits.quota = Quota { groups_max: 1 << 40, series_max: 1 << 40, stored_bytes_max: 1 << 40 };
}

pub(super) fn run(shape: Shape, pushes: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut builder = GatewayBuilder::new().operator("ops", &[OperatorScope::FleetRead], |_| {});
        builder.config.gateway.stored_bytes_max = 1 << 40;
        for tenant in 0..TENANTS {
            let name = format!("tenant-{tenant}");
            builder = builder.tenant_with(&name, roomy).token(&name, &name, &Verb::ALL, |_| {});
        }
        let gateway = builder.start();
        let clients: Vec<_> = (0..TENANTS).map(|tenant| gateway.client(&format!("tenant-{tenant}"))).collect();
        let push = async |round: usize, group: usize| {
            let path = format!("/metrics/job/backup-{}/instance/host-{:04}.example:9100", group / 5_000, group % 5_000);
            clients[group % TENANTS].put(&path, &shape.body(round, group)).await.ok();
        };
        for round in 0..pushes {
            let before = spent();
            for group in 0..shape.groups {
                push(round, group).await;
            }
            println!("round {round}: {:?} a push", (spent() - before) / u32::try_from(shape.groups).unwrap());
        }
        let plain = gateway.client("ops");
        let gzip = plain.clone().with("accept-encoding", "gzip");
        let proto = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        scrape("identity", &plain).await;
        scrape("identity", &plain).await;
        scrape("gzip, first", &gzip).await;
        scrape("gzip, unchanged", &gzip).await;
        scrape("gzip, unchanged", &gzip).await;
        for round in 0..6 {
            // Every hundredth, of all tenants.
            for nth in 0..shape.groups / 100 {
                push(10 + round, nth * 100 + nth % TENANTS).await;
            }
            scrape("gzip, the same 1 % pushed", &gzip).await;
        }
        for round in 0..2 {
            for nth in 0..shape.groups / 100 {
                push(20 + round, (nth * 48_271 + round * 7) % shape.groups).await;
            }
            scrape("gzip, another 1 % pushed", &gzip).await;
        }
        scrape("identity", &plain).await;
        scrape("protobuf", &plain.clone().with("accept", proto)).await;
        scrape("protobuf, gzip", &gzip.clone().with("accept", proto)).await;
    });
}
