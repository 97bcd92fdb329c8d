//! An order service, and its tests against an embedded cluster that misbehaves: no Java, no container, no sleep.
//!
//! The service reads orders (`customer:amount`), writes an invoice for each, and asks for an order again when it
//! cannot do its work now. In a project of your own the three functions below are `#[test]`s; here `main` runs them:
//!
//! ```text
//! cargo run --example test_your_service
//! ```

use std::error::Error;
use std::time::Duration;

use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_io::blocking::{Client, Listener, Producer, PushConsumer};
use rocketmq_io::{ConsumeFrom, Message, MessageView, Topic};
use rocketmq_testkit::{Fault, FaultKind, Requests, TcpCluster};

type Outcome = Result<(), Box<dyn Error>>;

const SOON: Duration = Duration::from_secs(20);

// ---- the service: nothing in it knows that it is tested ----------------------------------------------------

struct OrderService {
    client: Client,
    _consumer: PushConsumer,
    _listener: Listener,
}

impl OrderService {
    fn start(name_server: &str) -> Result<Self, Box<dyn Error>> {
        let client = Client::builder(name_server).build()?;
        let invoices = client.topic("invoices")?;
        let producer = client.producer("order-service").build()?;
        let consumer = client
            .push_consumer("billing")
            .subscribe("orders", "*")
            .consume_from(ConsumeFrom::First)
            .configure(|config| config.max_reconsume_times = Some(2))
            .build()?;
        let listener = consumer.listen(2, move |delivery| {
            for order in delivery.messages() {
                let invoiced = order.get(0).is_some_and(|view| invoice(&producer, &invoices, &view));
                if invoiced { order.ack() } else { order.retry_later() }
            }
        });
        Ok(Self { client, _consumer: consumer, _listener: listener })
    }

    fn stop(self) -> Outcome {
        self.client.shutdown(Duration::from_secs(5))?;
        Ok(())
    }
}

/// Writes the invoice of an order; false if the order cannot be read or the invoice cannot be stored.
fn invoice(producer: &Producer, invoices: &Topic, order: &MessageView<'_>) -> bool {
    let text = String::from_utf8_lossy(order.body()).into_owned();
    let Some((customer, amount)) = text.split_once(':') else { return false };
    let Ok(amount) = amount.parse::<u32>() else { return false };
    let body = format!("{customer} owes {amount}");
    let Ok(message) = Message::builder(invoices, body).key(customer).build() else { return false };
    producer.send(message).is_ok()
}

// ---- its tests ---------------------------------------------------------------------------------------------

/// A cluster whose delay levels are short: a retry comes after 30 ms instead of 10 s.
fn cluster() -> Result<TcpCluster, Box<dyn Error>> {
    let levels = vec![Duration::from_millis(30); 18];
    Ok(TcpCluster::builder().topic("orders", 4).topic("invoices", 1).delay_levels(levels).start()?)
}

fn a_busy_broker_delays_invoices_but_loses_none() -> Outcome {
    let cluster = cluster()?;
    cluster.with(|cluster| {
        for (number, order) in ["ann:10", "bob:20", "cid:30"].into_iter().enumerate() {
            cluster.seed("orders", number as u32, order);
        }
        let words = "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while";
        cluster.inject(&Fault::answer(Requests::Sends, ResponseCode::SYSTEM_BUSY, words).times(3));
    });
    let service = OrderService::start(&cluster.name_server())?;
    let expected = ["ann owes 10", "bob owes 20", "cid owes 30"];
    cluster.eventually(SOON, |cluster| cluster.expect_bodies("invoices", &expected));
    cluster.eventually(SOON, |cluster| cluster.expect_consumed("billing", "orders"));
    service.stop()
}

fn an_answer_that_is_lost_may_double_an_invoice_under_one_key() -> Outcome {
    let cluster = cluster()?;
    cluster.with(|cluster| {
        cluster.seed("orders", 0, "ann:10");
        // The invoice is stored, and the connection ends before the service hears of it.
        cluster.inject(&Fault::new(Requests::Sends, FaultKind::CloseAfter));
    });
    let service = OrderService::start(&cluster.name_server())?;
    cluster.eventually(SOON, |cluster| cluster.expect_bodies("invoices", &["ann owes 10"; 2]));
    let keys = cluster.with(|cluster| cluster.duplicates("invoices"));
    println!("  stored twice under one unique key: {keys:?}");
    assert_eq!(keys.len(), 1, "both copies have the same unique key: whoever reads them can drop one");
    service.stop()
}

fn an_order_nobody_can_read_ends_as_a_dead_letter() -> Outcome {
    let cluster = cluster()?;
    cluster.with(|cluster| {
        cluster.seed("orders", 0, "no price");
        cluster.seed("orders", 0, "ann:10");
    });
    let service = OrderService::start(&cluster.name_server())?;
    let dead = cluster.wait(SOON, |cluster| cluster.dead_letters("billing").pop());
    let dead = dead.ok_or("no dead letter in time")?;
    assert_eq!(dead.body(), b"no price");
    assert_eq!(dead.property("RETRY_TOPIC"), Some("orders"), "it says where it came from");
    cluster.eventually(SOON, |cluster| cluster.expect_bodies("invoices", &["ann owes 10"]));
    service.stop()
}

type Test = fn() -> Outcome;

fn main() -> Outcome {
    let tests: [(&str, Test); 3] = [
        ("a busy broker delays invoices but loses none", a_busy_broker_delays_invoices_but_loses_none),
        (
            "a lost answer may double an invoice, under one key",
            an_answer_that_is_lost_may_double_an_invoice_under_one_key,
        ),
        ("an order nobody can read ends as a dead letter", an_order_nobody_can_read_ends_as_a_dead_letter),
    ];
    for (name, test) in tests {
        println!("{name}");
        test()?;
    }
    println!("{} tests passed", tests.len());
    Ok(())
}
