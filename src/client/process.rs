//! What a connection brought, to whom it is for.

use super::call::{Answer, CallFailure, Purpose, Reply};
use super::event::Notice;
use super::heartbeat::Heartbeat;
use super::ids::ConnId;
use super::route::News;
use super::{Client, borrow};
use crate::connection::{Core, Ended, ReplyToken, Verdict};
use crate::error::{CloseCause, RequestFailure, TransportError};
use crate::wire::codes::{RequestCode, ResponseCode};
use crate::wire::fields::NotifyConsumerIdsChangedRequest;
use crate::wire::header::{Head, NoFields};

impl Client {
    /// Takes out everything a connection has to say.
    pub(super) fn process(&mut self, conn: ConnId) {
        let mut reader = self.net.take_reader(conn);
        'frames: while let Some(core) = self.net.core_mut(conn) {
            if let Some(ended) = core.pop_ended() {
                self.on_ended(conn, ended);
                continue;
            }
            let Some(buffer) = &mut reader else { break };
            let Some(slot) = core.next_frame(buffer) else { break };
            let mut frame = buffer.view(&slot);
            // Receipts come in rows.
            while let Some(receipt) = self.producers.receipts.read(frame.serialize(), frame.head())
                && let Some(id) = core.answered(receipt.opaque, Purpose::as_send)
            {
                self.producers.on_receipt(id, &receipt, &mut self.stats, &mut self.events);
                let Some(slot) = core.next_frame(buffer) else { break 'frames };
                frame = buffer.view(&slot);
            }
            let Some(head) = core.parse_head(&frame) else { break };
            match core.classify(&head) {
                Verdict::Response { context, .. } => {
                    if let Purpose::Send(_) = context {
                        self.producers.learn(frame.serialize(), frame.head(), &head);
                    }
                    if head.response_code() == ResponseCode::GO_AWAY {
                        self.net.drain(conn, self.now);
                    }
                    self.on_answer(conn, context, &Ok(Reply { head: &head, body: frame.body() }));
                }
                Verdict::Request { reply } => self.on_broker_request(conn, &head, reply),
                Verdict::Unmatched => self.stats.unmatched_answers += 1,
            }
        }
        if self.net.restore_reader(conn, reader) {
            self.finish(conn);
            self.net.announce_write(conn);
        }
        self.settle_down();
    }

    /// What a closed connection still owes, its own ending last.
    fn finish(&mut self, conn: ConnId) {
        while let Some(ended) = self.net.core_mut(conn).and_then(Core::finish) {
            self.on_ended(conn, ended);
        }
    }

    fn on_ended(&mut self, conn: ConnId, ended: Ended<Purpose>) {
        match ended {
            Ended::Failed { context, progress, cause, .. } => {
                self.on_answer(conn, context, &Err(CallFailure { progress, cause }));
            }
            Ended::Written { context } => {
                if let Purpose::Oneway(id) = context {
                    self.producers.on_written(id, &mut borrow!(self));
                }
            }
            Ended::Closed { cause } => {
                if let Some(endpoint) = self.net.endpoint(conn).cloned() {
                    self.notices.push(Notice::Closed { endpoint, cause: cause.clone() });
                }
                self.net.on_closed(conn, &cause, self.now);
            }
        }
    }

    fn on_answer(&mut self, conn: ConnId, purpose: Purpose, answer: &Answer<'_>) {
        if let Purpose::Heartbeat { registration } = purpose {
            self.net.greeting_ended(conn, registration);
        }
        if let Err(CallFailure { cause: RequestFailure::DeadlineExceeded, .. }) = answer {
            self.net.suspect(conn, self.now);
        }
        match purpose {
            Purpose::Send(id) | Purpose::Oneway(id) => {
                self.producers.on_answer(id, answer, &mut borrow!(self));
            }
            Purpose::Route { topic, server, default_topic } => {
                let mut ctx = borrow!(self);
                let (routes, mut ask) = ctx.asking();
                routes.on_answer(&topic, server as usize, default_topic, answer, &mut ask);
            }
            Purpose::Heartbeat { registration } => {
                if Heartbeat::on_answer(conn, registration, answer, &mut borrow!(self)) {
                    self.consumers.on_registered(&mut borrow!(self));
                }
            }
            Purpose::Unregister => {}
            Purpose::Consumer(id, call) => self.consumers.on_answer(id, call, answer, &mut borrow!(self)),
        }
    }

    /// A broker asks: what this client does not do is answered so (Java `ClientRemotingProcessor`).
    fn on_broker_request(&mut self, conn: ConnId, head: &Head<'_>, reply: Option<ReplyToken>) {
        self.stats.broker_requests += 1;
        let code = head.request_code();
        if code == RequestCode::NOTIFY_CONSUMER_IDS_CHANGED
            && let Ok(fields) = head.fields::<NotifyConsumerIdsChangedRequest<'_>>()
        {
            self.consumers.on_members_changed(&fields.consumer_group, &mut borrow!(self));
            return;
        }
        self.notices.push(Notice::NotSupported { code });
        let Some(token) = reply else { return };
        let remark = alloc::format!("request type {} not supported", code.0);
        let code = ResponseCode::REQUEST_CODE_NOT_SUPPORTED;
        if let Some(core) = self.net.core_mut(conn) {
            // Refused only when the connection ends or its queue is full: then nobody waits, or waits in vain.
            let _ = core.respond(token, code, Some(&remark), &NoFields, &bytes::Bytes::new());
        }
    }

    pub(super) fn connect_failed(&mut self, conn: ConnId, error: TransportError, timed_out: bool) {
        if let Some(endpoint) = self.net.endpoint(conn).cloned() {
            self.notices.push(Notice::ConnectFailed { endpoint, error });
        }
        let failed = if timed_out {
            self.net.give_up_connecting(conn, self.now)
        } else {
            self.net.handle_connect_failed(conn, error, self.now)
        };
        for (purpose, failure) in failed {
            self.on_answer(conn, purpose, &Err(failure));
        }
        self.settle_down();
    }

    pub(super) fn lost(&mut self, conn: ConnId, cause: CloseCause) {
        if let Some(core) = self.net.core_mut(conn) {
            core.set_closed(cause);
            self.process(conn);
        }
    }

    /// Brings the sub-machines together after an input or a command: news of routes, groups that left, changed
    /// registrations, the shutdown's next phase.
    pub(super) fn settle_down(&mut self) {
        if self.routes.has_news() {
            self.spread_news();
        }
        if self.consumers.count() > 0 || self.net.is_reading_paused() {
            self.settle_consumers();
        }
        if self.producers.has_left() || self.consumers.has_left() {
            self.tell_who_left();
        }
        if !self.lifecycle.is_running() {
            self.advance_shutdown();
        }
    }

    /// What consumers want said to brokers, and whether reading pauses for what they hold.
    fn settle_consumers(&mut self) {
        if self.consumers.take_registration_changed() {
            self.renew_registration();
        }
        let unsettled = self.consumers.held();
        // What all connections hold is added up only where it can matter.
        if unsettled > self.config.memory_budget / 8 || self.net.is_reading_paused() {
            self.watch_budget(unsettled);
        }
    }

    fn spread_news(&mut self) {
        while let Some(news) = self.routes.pop_news() {
            match news {
                News::Changed(topic) => {
                    self.producers.on_route(&topic, &mut borrow!(self));
                    self.consumers.on_route_changed(&topic, &mut borrow!(self));
                    Heartbeat::on_route_changed(&topic, &mut borrow!(self));
                }
                News::Same(topic) => self.producers.on_route(&topic, &mut borrow!(self)),
                News::NoSuchTopic(topic) => {
                    self.producers.on_no_such_topic(&topic, &mut borrow!(self));
                    // Brokers make retry topics by themselves, with the first heartbeat.
                    if !topic.as_str().starts_with("%RETRY%") && self.consumers.topics().any(|t| *t == topic)
                    {
                        let reason = "no name server knows the topic".into();
                        self.notices.push(Notice::RouteFailed { topic, reason });
                    }
                }
                News::Failed(topic, reason) => {
                    self.producers.on_route_trouble(&topic, &reason);
                    self.notices.push(Notice::RouteFailed { topic, reason });
                }
            }
        }
    }

    /// Reading pauses when a quarter of the budget is spent on what comes in, and goes on when a quarter of that is
    /// free again: the rest of that half is for what is on its way already. It never pauses for what the application
    /// cannot free, frames that have begun.
    fn watch_budget(&mut self, unsettled: usize) {
        let (held, limit) = (self.held_in(), self.config.memory_budget / 4);
        if held > limit && unsettled > limit / 2 && !self.net.is_reading_paused() {
            self.stats.reading_paused += 1;
            self.set_reading_paused(true);
        } else if (held <= limit / 4 * 3 || unsettled <= limit / 4) && self.net.is_reading_paused() {
            self.set_reading_paused(false);
        }
    }

    fn set_reading_paused(&mut self, paused: bool) {
        self.net.pause_reading(paused, self.now);
        self.consumers.set_paused(paused);
    }

    pub(super) fn renew_registration(&mut self) {
        self.heartbeat.renew(&self.producers, &self.consumers, &mut borrow!(self));
    }
}
