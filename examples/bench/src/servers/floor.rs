//! The least that a server can do: send ready bytes to each socket.

mod connection;

use self::connection::{Connection, Request};
use super::{announce, wait_for_the_end};
use crate::Failure;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::collections::HashMap;
use std::io;

const LISTENER: Token = Token(usize::MAX);

struct Floor {
    poll: Poll,
    connections: Slab<Connection>,
    /// Who listens to a topic, or without one to everything.
    listening: HashMap<Option<String>, Vec<usize>>,
    sent: u64,
}

pub(super) fn run() -> Result<(), Failure> {
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    announce(listener.local_addr()?.port())?;
    std::thread::spawn(|| {
        wait_for_the_end();
        std::process::exit(0);
    });
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (connections, listening) = (Slab::new(), HashMap::new());
    let mut floor = Floor { poll, connections, listening, sent: 0 };
    let mut events = Events::with_capacity(1024);
    loop {
        match floor.poll.poll(&mut events, None) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            match event.token() {
                LISTENER => floor.accept(&listener)?,
                Token(key) => floor.serve(key),
            }
        }
    }
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((socket, _)) => self.add(socket)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn add(&mut self, mut socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let entry = self.connections.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(entry.key()), interest)?;
        entry.insert(Connection::new(socket));
        Ok(())
    }

    fn serve(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Ok(request) = connection.advance() else { return self.remove(key) };
        match request {
            None => {}
            Some(Request::Listen { topic }) => {
                self.listening.entry(topic).or_default().push(key);
            }
            Some(Request::Publish { topic, body }) => self.publish(topic, &body),
        }
    }

    fn publish(&mut self, topic: Option<String>, body: &str) {
        let mut frames = String::with_capacity(body.len() * 2);
        for line in body.lines() {
            self.sent += 1;
            frames.push_str(&format!("id: {}\ndata: {line}\n\n", self.sent));
        }
        for key in self.listening.get(&topic).into_iter().flatten() {
            if let Some(connection) = self.connections.get_mut(*key) {
                connection.send(frames.as_bytes());
            }
        }
    }

    fn remove(&mut self, key: usize) {
        self.connections.remove(key);
        self.listening.values_mut().for_each(|keys| keys.retain(|listening| *listening != key));
    }
}
