//! Sizing: more hardware or more pods never keeps back less, and what is kept back never eats the machine.

use nodebake::base::MemoryMib;
use nodebake::catalog::Catalog;
use nodebake::pipeline::Built;
use nodebake::plan::reserve;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::holds;
use crate::support::{build, node_yaml};

#[test]
fn reservations_grow_with_the_machine() {
    let table = Catalog::embedded().sizing().unwrap();
    let machine = || (1u64..5000, 1u64..(1 << 26), 1u64..1025);
    holds("reserve", 20_000, (machine(), machine()), |(a, b)| {
        let small = (a.0.min(b.0), a.1.min(b.1), a.2.min(b.2));
        for rule in &table.rules {
            let of = |(vcpus, memory, pods)| reserve(&table, rule, vcpus, MemoryMib(memory), pods);
            let less = of(small);
            // All at once, and one at a time.
            let (vcpus, memory, pods) = (a.0.max(b.0), a.1.max(b.1), a.2.max(b.2));
            for large in [
                (vcpus, memory, pods),
                (vcpus, small.1, small.2),
                (small.0, memory, small.2),
                (small.0, small.1, pods),
            ] {
                let more = of(large);
                prop_assert!(less.kube_cpu <= more.kube_cpu, "{} {:?} {:?}", rule.name, small, large);
                prop_assert!(
                    less.kube_memory <= more.kube_memory,
                    "{} {:?} {:?}",
                    rule.name,
                    small,
                    large
                );
                prop_assert!(less.system_cpu <= more.system_cpu);
                prop_assert!(less.system_memory <= more.system_memory);
                prop_assert!(less.eviction_memory <= more.eviction_memory);
            }
            prop_assert_eq!(less.cpu(), less.kube_cpu + less.system_cpu);
            prop_assert!(less.memory() >= less.eviction_memory);
        }
        Ok(())
    });
}

fn decided<'b>(built: &'b Built, path: &str) -> &'b Value {
    built.plan.book.get(path).unwrap().value()
}

/// `90%` of `of`, or `10Gi`, or `500Mi`, in MiB.
fn mebibytes(text: &str, of_gib: u64) -> u64 {
    if let Some(percent) = text.strip_suffix('%') {
        return of_gib * 1024 * percent.parse::<u64>().unwrap() / 100;
    }
    match text.strip_suffix("Gi") {
        Some(gib) => gib.parse::<u64>().unwrap() * 1024,
        None => text.strip_suffix("Mi").unwrap().parse().unwrap(),
    }
}

fn milli(value: &Value) -> u64 {
    value
        .as_str()
        .map_or(0, |text| text.strip_suffix('m').unwrap().parse().unwrap())
}

/// What is decided about a machine that the plan accepts.
struct Sized {
    cpu: u64,
    memory: u64,
    evict_memory: u64,
    evict_nodefs: u64,
    evict_imagefs: u64,
}

fn sized(rule: &str, (vcpus, memory, disk, pods): (u64, u64, u64, u64)) -> Option<Sized> {
    let more = format!(
        "  sizing: {{ rule: {rule}, maxPods: {pods} }}\n  hardware: {{ vcpus: {vcpus}, memoryGiB: {memory}, diskGiB: {disk} }}\n"
    );
    let built = build(
        &node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", &more),
        "1.35",
    )
    .ok()?;
    let part = |path: &str, key: &str| decided(&built, path).get(key).cloned().unwrap_or(Value::Null);
    let mib = |path: &str, key: &str, of: u64| part(path, key).as_str().map_or(0, |text| mebibytes(text, of));
    let counted = decided(&built, "hardware.diskGiB").as_u64().unwrap();
    let sized = Sized {
        cpu: milli(&part("sizing.kubeReserved", "cpu")) + milli(&part("sizing.systemReserved", "cpu")),
        memory: mib("sizing.kubeReserved", "memory", 0) + mib("sizing.systemReserved", "memory", 0),
        evict_memory: mib("sizing.evictionHard", "memory.available", 0),
        evict_nodefs: mib("sizing.evictionHard", "nodefs.available", counted),
        evict_imagefs: mib("sizing.evictionHard", "imagefs.available", counted),
    };
    // Never the whole machine, whatever the rule.
    let capacity = decided(&built, "hardware.memoryMiB").as_u64().unwrap();
    assert!(sized.cpu < vcpus * 1000 && sized.memory + sized.evict_memory < capacity);
    assert!(sized.evict_nodefs < counted * 1024 && sized.evict_imagefs < counted * 1024);
    let (high, low) = (
        decided(&built, "sizing.imageGcHighPercent"),
        decided(&built, "sizing.imageGcLowPercent"),
    );
    assert!(low.as_u64() < high.as_u64() && high.as_u64() < Some(100));
    Some(sized)
}

#[test]
fn plans_grow_with_the_machine_and_leave_room() {
    let machine = || (1u64..4097, 1u64..4097, 8u64..40_000, 1u64..300);
    let rule = select(&["eks", "hybrid", "none"][..]);
    holds("sizing", 40, (machine(), machine(), rule), |(a, b, rule)| {
        let small = (a.0.min(b.0), a.1.min(b.1), a.2.min(b.2), a.3.min(b.3));
        let large = (a.0.max(b.0), a.1.max(b.1), a.2.max(b.2), a.3.max(b.3));
        let (Some(less), Some(more)) = (sized(rule, small), sized(rule, large)) else {
            return Ok(());
        };
        prop_assert!(less.cpu <= more.cpu);
        prop_assert!(less.memory <= more.memory);
        prop_assert!(less.evict_memory <= more.evict_memory);
        // A share of the disk is a whole number of percent of what is counted on.
        prop_assert!(less.evict_nodefs <= more.evict_nodefs + 1024);
        prop_assert!(less.evict_imagefs <= more.evict_imagefs + 1024);
        Ok(())
    });
}
