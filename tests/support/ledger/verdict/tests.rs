use super::*;

fn id(seq: u64) -> Id {
    Id::read(&format!("0000000000001-{seq}")).expect("an id")
}

fn payload(seq: u64) -> String {
    format!("payload {seq}")
}

/// Six events, of which 2 and 3 are a batch, 4 has the topic `a` and 6 was never acknowledged.
/// `all` has seen them in two streams, `some` sees the topic `a`.
fn sound() -> (Ledger, Vec<(Id, String)>) {
    let mut ledger = Ledger::default();
    for (seqs, topic) in [(1..=1, None), (2..=3, None), (4..=4, Some("a")), (5..=5, None)] {
        let payloads: Vec<_> = seqs.clone().map(payload).collect();
        let entry = ledger.sending(topic, &payloads);
        ledger.acked(entry, seqs.map(id).collect());
    }
    ledger.sending(None, &[payload(6)]);
    ledger.opened("all", Sees::Everything, &id(0), false);
    (1..=3).for_each(|seq| ledger.event("all", id(seq), &payload(seq)));
    ledger.opened("all", Sees::Everything, &id(3), true);
    (4..=6).for_each(|seq| ledger.event("all", id(seq), &payload(seq)));
    ledger.opened("some", Sees::Topic("a".into()), &id(1), false);
    ledger.event("some", id(4), &payload(4));
    (ledger, (1..=6).map(|seq| (id(seq), payload(seq))).collect())
}

fn faults(change: impl FnOnce(&mut Ledger, &mut Vec<(Id, String)>)) -> Vec<Fault> {
    let (mut ledger, mut history) = sound();
    change(&mut ledger, &mut history);
    ledger.verdict(&history)
}

#[track_caller]
fn finds(fault: &Fault, change: impl FnOnce(&mut Ledger, &mut Vec<(Id, String)>)) {
    let found = faults(change);
    assert!(found.contains(fault), "{fault:?} is not among {found:?}");
}

#[test]
fn a_sound_log_has_no_faults() {
    assert_eq!(faults(|_, _| {}), []);
    let (ledger, _) = sound();
    assert_eq!((ledger.acknowledged(), ledger.shown()), (5, (7, 0)));
}

#[test]
fn an_acknowledged_event_that_is_gone_is_lost() {
    finds(&Fault::Lost { id: id(5) }, |_, history| drop(history.remove(4)));
    finds(&Fault::Lost { id: id(5) }, |_, history| history.truncate(4));
    assert!(!faults(|_, history| drop(history.pop())).contains(&Fault::Lost { id: id(6) }));
}

#[test]
fn what_is_there_twice_is_duplicated() {
    finds(&Fault::Duplicated { id: id(5) }, |_, history| history.insert(5, (id(5), payload(5))));
    finds(&Fault::Duplicated { id: id(7) }, |_, history| history.push((id(7), payload(5))));
    let again = |ledger: &mut Ledger, _: &mut Vec<_>| ledger.event("all", id(6), &payload(6));
    finds(&Fault::Duplicated { id: id(6) }, again);
}

#[test]
fn what_comes_too_late_is_out_of_order() {
    finds(&Fault::OutOfOrder { id: id(1) }, |_, history| history.swap(0, 1));
    finds(&Fault::OutOfOrder { id: id(2) }, |ledger, _| {
        ledger.opened("late", Sees::Everything, &id(0), false);
        [1, 3, 2].into_iter().for_each(|seq| ledger.event("late", id(seq), &payload(seq)));
    });
}

#[test]
fn what_a_client_saw_and_the_log_has_not_was_never_durable() {
    let fault = Fault::NeverDurable { client: "all".into(), id: id(6) };
    finds(&fault, |_, history| drop(history.pop()));
}

#[test]
fn an_id_with_two_payloads_is_found_wherever_they_are() {
    let fault = Fault::TwoPayloads { id: id(4) };
    finds(&fault, |_, history| history[3].1 = payload(6));
    finds(&fault, |ledger, _| ledger.clients.values_mut().for_each(|c| change_payload(c, 4, 6)));
    let other_epoch = Id::read("0000000000002-4").expect("an id");
    finds(&Fault::TwoPayloads { id: id(4) }, |_, history| history[3].0 = other_epoch);
}

fn change_payload(client: &mut Client, of: u64, to: u64) {
    for shown in &mut client.shown {
        match shown {
            Shown::Event(id, hashed) if id.seq == of => *hashed = hash(&payload(to)),
            _ => {}
        }
    }
}

#[test]
fn what_nobody_sent_or_a_client_must_not_see_is_foreign() {
    let at_history = |seq| Fault::Foreign { at: "the history".into(), id: id(seq) };
    finds(&at_history(7), |_, history| history.push((id(7), "made up".into())));
    finds(&at_history(7), |ledger, history| {
        let entry = ledger.sending(None, &[payload(7)]);
        ledger.refused(entry);
        history.push((id(7), payload(7)));
    });
    let fault = Fault::Foreign { at: "some".into(), id: id(5) };
    finds(&fault, |ledger, _| ledger.event("some", id(5), &payload(5)));
}

#[test]
fn half_a_batch_or_one_that_is_interleaved_is_torn() {
    let fault = |seq| Fault::Torn { id: id(seq) };
    finds(&fault(7), |ledger, history| {
        ledger.sending(None, &[payload(7), payload(8)]);
        history.push((id(7), payload(7)));
    });
    finds(&fault(7), |ledger, history| {
        ledger.sending(None, &[payload(7), payload(9)]);
        ledger.sending(None, &[payload(8)]);
        history.extend((7..=9).map(|seq| (id(seq), payload(seq))));
    });
    finds(&fault(7), |ledger, history| {
        ledger.sending(None, &[payload(8), payload(7)]);
        history.extend((7..=8).map(|seq| (id(seq), payload(seq))));
    });
}

#[test]
fn what_a_client_was_not_shown_is_a_hole() {
    let hole = |client: &str, seq| Fault::Hole { client: client.into(), seq };
    finds(&hole("the history", 5), |_, history| drop(history.remove(4)));
    finds(&hole("late", 2), |ledger, _| {
        ledger.opened("late", Sees::Everything, &id(0), false);
        [1, 3].into_iter().for_each(|seq| ledger.event("late", id(seq), &payload(seq)));
    });
    finds(&hole("all", 7), |ledger, history| {
        history.extend((7..=8).map(|seq| (id(seq), payload(seq))));
        ledger.sending(None, &[payload(7)]);
        ledger.sending(None, &[payload(8)]);
        ledger.opened("all", Sees::Everything, &id(7), true);
        ledger.event("all", id(8), &payload(8));
    });
    finds(&hole("some", 4), |ledger, _| {
        ledger.opened("some", Sees::Topic("a".into()), &id(1), false);
        ledger.opened("some", Sees::Topic("a".into()), &id(5), true);
    });
}

#[test]
fn a_gap_is_believed_only_where_events_are_gone() {
    let gap = |ledger: &mut Ledger, _: &mut Vec<_>| {
        ledger.opened("back", Sees::Everything, &id(0), false);
        ledger.opened("back", Sees::Everything, &id(2), false);
        ledger.gap("back", &id(2));
        ledger.event("back", id(3), &payload(3));
    };
    finds(&Fault::FalseStart { client: "back".into(), seq: 2 }, gap);
    let trims = |ledger: &mut Ledger, _: &mut Vec<_>| ledger.gaps_allowed = true;
    finds(&Fault::FalseStart { client: "back".into(), seq: 2 }, |ledger, history| {
        trims(ledger, history);
        gap(ledger, history);
    });
    let trimmed = faults(|ledger, history| {
        trims(ledger, history);
        gap(ledger, history);
        history.drain(..2);
    });
    assert_eq!(trimmed, []);
}

#[test]
fn a_client_is_forgotten_only_if_its_time_is_gone() {
    let forgotten = |kept: usize| {
        faults(|ledger, history| {
            ledger.gaps_allowed = true;
            ledger.opened("back", Sees::Everything, &id(1), false);
            ledger.opened("back", Sees::Everything, &id(5), false);
            ledger.forgotten("back", &id(5));
            ledger.event("back", id(6), &payload(6));
            history.drain(..history.len() - kept);
        })
    };
    assert_eq!(forgotten(5), []);
    assert_eq!(forgotten(6), [Fault::FalseStart { client: "back".into(), seq: 5 }]);
}

/// The log of [`sound`] has lost 5 and 6 with the power, and goes on with 5 in another epoch.
fn after_a_loss(
    change: impl FnOnce(&mut Ledger, &mut Vec<(Id, String)>),
) -> (crate::ledger::Loss, Vec<Fault>) {
    let (mut ledger, mut history) = sound();
    let new = Id::read("0000000000002-5").expect("an id");
    let entry = ledger.sending(None, &[payload(7)]);
    ledger.acked(entry, vec![new.clone()]);
    history.truncate(4);
    history.push((new, payload(7)));
    let loss = ledger.power_was_lost(std::time::Instant::now(), &history);
    change(&mut ledger, &mut history);
    (loss, ledger.verdict(&history))
}

#[test]
fn who_saw_what_power_took_is_told_where() {
    let back = |resumed, told: Option<u64>| {
        after_a_loss(|ledger, history| {
            ledger.opened("all", Sees::Everything, &id(4), resumed);
            if let Some(seq) = told {
                ledger.told_of_a_loss("all", &id(seq));
            }
            let (new, data) = &history[4];
            ledger.event("all", new.clone(), data);
        })
    };
    let (loss, faults) = back(false, Some(4));
    assert_eq!((loss.acknowledged, faults), (1, vec![]));
    let elsewhere = Fault::FalseStart { client: "all".into(), seq: 3 };
    assert!(back(false, Some(3)).1.contains(&elsewhere));
    let silently = Fault::FalseStart { client: "all".into(), seq: 4 };
    assert!(back(true, None).1.contains(&silently));
}

#[test]
fn what_power_took_does_not_come_back_and_neither_does_its_id() {
    let new = Id::read("0000000000002-6").expect("an id");
    let again = after_a_loss(|_, history| history.push((new.clone(), payload(5)))).1;
    assert!(again.contains(&Fault::Foreign { at: "the history".into(), id: new }));
    let reused = after_a_loss(|ledger, history| {
        ledger.sending(None, &[payload(8)]);
        history.push((id(6), payload(8)));
    });
    assert!(reused.1.contains(&Fault::TwoPayloads { id: id(6) }), "{reused:?}");
}
