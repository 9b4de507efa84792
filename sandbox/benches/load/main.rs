//! How many payments a second the sandbox takes, next to what the web framework alone answers on the same machine.
//!
//! `scripts/bench sandbox` runs it. Loader and server share the cores, in both measurements. A pair is a payment
//! intent that is created and then confirmed: two requests with an `Idempotency-Key` each, as SDKs send them.

mod bare;
mod connection;
mod loader;
mod process;

use std::{error::Error, process::Command, thread, time::Duration};

use self::{
    connection::{Answer, Connection},
    loader::Load,
    process::Server,
};

/// What is aimed at: one pair in the time of this many bare requests.
const AIM: u64 = 20;

const WARM_UP: Duration = Duration::from_secs(1);

/// Payments are captured a second after they are confirmed, and that is stored too.
const LAST_CAPTURES: Duration = Duration::from_secs(2);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // Cargo passes `--bench`; everything else is ours.
    match std::env::args().skip(1).find(|argument| argument != "--bench").as_deref() {
        Some("bare") => bare::serve(),
        Some(other) => Err(format!("unknown argument {other}").into()),
        None => measure(),
    }
}

fn measure() -> Result<(), Failure> {
    let load = Load::from_environment()?;
    println!("{} connections, {} s each\n", load.connections, load.duration.as_secs());

    // 1. The framework alone.
    let bare = Server::start(Command::new(std::env::current_exe()?).arg("bare"))?;
    load.for_long(WARM_UP).run(&bare.address, post_json)?;
    let requests = load.run(&bare.address, post_json)?;
    drop(bare);
    println!("bare poem JSON POST     {:>8} requests/s", requests.a_second());

    // 2. The sandbox: what is paid is stored.
    let program = env!("CARGO_BIN_EXE_souk-sandbox");
    let sandbox = Server::start(Command::new(program).args(["--listen", "127.0.0.1:0", "--seed", "7"]))?;
    load.for_long(WARM_UP).run(&sandbox.address, pay)?;
    let before = sandbox.resident_kib()?;
    let pairs = load.run(&sandbox.address, pay)?;
    thread::sleep(LAST_CAPTURES);
    let after = sandbox.resident_kib()?;
    println!("create + confirm        {:>8} pairs/s", pairs.a_second());
    println!("resident memory         {before:>8} KiB before, {after} KiB after {} pairs", pairs.count);
    println!(
        "                        {:>8} bytes a pair",
        after.saturating_sub(before) * 1024 / pairs.count.max(1)
    );

    // 3. What stores nothing must not grow.
    let reads = load.run(&sandbox.address, read)?;
    let grown = sandbox.resident_kib()?.saturating_sub(after);
    println!(
        "reading                 {:>8} requests/s, {grown} KiB more after {}",
        reads.a_second(),
        reads.count
    );

    // 4. The verdict.
    let tenths = requests.a_second() * 10 / pairs.a_second().max(1);
    println!("\none pair takes {}.{} bare requests (aim: {AIM} or fewer)", tenths / 10, tenths % 10);
    if tenths > AIM * 10 {
        return Err("slower than aimed at".into());
    }
    Ok(())
}

/// The least that a JSON service does.
fn post_json(connection: &mut Connection, _: u64) -> Result<(), Failure> {
    let body = r#"{"amount":5000,"currency":"usd"}"#;
    connection.send("POST", "/echo", "Content-Type: application/json\r\n", body)?.ok().map(drop)
}

fn pay(connection: &mut Connection, number: u64) -> Result<(), Failure> {
    let created =
        post(connection, "/v1/payment_intents", &format!("create-{number}"), "amount=5000&currency=usd")?;
    let id = created.field("id").ok_or("a payment intent without an id")?;
    let form = "payment_method=pm_card_visa&return_url=https%3A%2F%2Fshop.test%2F";
    let path = format!("/v1/payment_intents/{id}/confirm");
    let confirmed = post(connection, &path, &format!("confirm-{number}"), form)?;
    match confirmed.field("status") {
        Some("succeeded") => Ok(()),
        other => Err(format!("a payment is {other:?}").into()),
    }
}

fn post(connection: &mut Connection, path: &str, key: &str, form: &str) -> Result<Answer, Failure> {
    let headers = format!(
        "Authorization: Bearer sk_test_shop\r\nIdempotency-Key: {key}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\n"
    );
    connection.send("POST", path, &headers, form)?.ok()
}

fn read(connection: &mut Connection, _: u64) -> Result<(), Failure> {
    connection.send("GET", "/v1/balance", "Authorization: Bearer sk_test_shop\r\n", "")?.ok().map(drop)
}
