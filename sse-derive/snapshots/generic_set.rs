enum WithSystem<E> {
    App(Wrapped<E>),
    System(System),
    Started { by: E },
}

// becomes

#[allow(deprecated)]
const _: () = {
    use ::sse_framework::__private as __sse;
    const __SSE_PAYLOAD_1: __sse::Delegate<System> = __sse::delegate::<System>();
    #[automatically_derived]
    impl<E> __sse::Own for WithSystem<E>
    where
        Self: __sse::Send + 'static,
        Self: __sse::Serialize + __sse::DeserializeOwned + __sse::JsonSchema,
        Wrapped<E>: __sse::SseEvent,
    {
        const OWN: &'static [__sse::EventType] = &[__sse::variants::<WithSystem<E>>().describe(
            __sse::EventType::new("started"),
            "Started",
            "Started",
        )];
    }
    #[automatically_derived]
    impl<E> __sse::Parts for WithSystem<E>
    where
        Self: __sse::Send + 'static,
        Self: __sse::Serialize + __sse::DeserializeOwned + __sse::JsonSchema,
        Wrapped<E>: __sse::SseEvent,
    {
        const PARTS: &'static [&'static [__sse::EventType]] = &[
            <Self as __sse::Own>::OWN,
            __sse::delegate::<Wrapped<E>>().types,
            __SSE_PAYLOAD_1.types,
        ];
    }
    #[automatically_derived]
    impl<E> __sse::SseEvent for WithSystem<E>
    where
        Self: __sse::Send + 'static,
        Self: __sse::Serialize + __sse::DeserializeOwned + __sse::JsonSchema,
        Wrapped<E>: __sse::SseEvent,
    {
        const TYPES: &'static [__sse::EventType] = {
            __sse::assert_distinct(
                <Self as __sse::Parts>::ARE_DISTINCT,
                <Self as __sse::Parts>::PARTS,
                1,
            );
            __sse::assert_distinct(
                <Self as __sse::Parts>::ARE_DISTINCT,
                <Self as __sse::Parts>::PARTS,
                2,
            );
            __sse::Flat::<Self>::TYPES
        };
        fn event_type(&self) -> &'static __sse::EventType {
            match self {
                Self::App(__payload) => (__sse::delegate::<Wrapped<E>>().event_type)(__payload),
                Self::System(__payload) => (__SSE_PAYLOAD_1.event_type)(__payload),
                Self::Started { .. } => &<Self as __sse::Own>::OWN[0],
            }
        }
        fn topic(&self) -> __sse::Result<__sse::Option<__sse::Topic>, __sse::EncodeError> {
            match self {
                Self::App(__payload) => (__sse::delegate::<Wrapped<E>>().topic)(__payload),
                Self::System(__payload) => (__SSE_PAYLOAD_1.topic)(__payload),
                _ => __sse::no_topic(),
            }
        }
        fn encode(
            &self,
            __out: &mut __sse::Vec<__sse::u8>,
        ) -> __sse::Result<(), __sse::EncodeError> {
            match self {
                Self::App(__payload) => (__sse::delegate::<Wrapped<E>>().encode)(__payload, __out),
                Self::System(__payload) => (__SSE_PAYLOAD_1.encode)(__payload, __out),
                _ => (__sse::variants::<WithSystem<E>>().encode)(
                    __sse::SseEvent::event_type(self).name(),
                    self,
                    __out,
                ),
            }
        }
        fn decode(__event: __sse::RawEvent<'_>) -> __sse::Result<Self, __sse::DecodeError> {
            if __sse::delegate::<Wrapped<E>>().has(__event.name) {
                return (__sse::delegate::<Wrapped<E>>().decode)(__event).map(Self::App);
            }
            if __SSE_PAYLOAD_1.has(__event.name) {
                return (__SSE_PAYLOAD_1.decode)(__event).map(Self::System);
            }
            let (__index, __version) = match __event.name {
                "started" => (2, 1),
                _ => return __sse::unknown(__event),
            };
            (__sse::variants::<WithSystem<E>>().decode)(__event, __index, __version)
        }
    }
    #[automatically_derived]
    impl<E> __sse::From<Wrapped<E>> for WithSystem<E> {
        fn from(__payload: Wrapped<E>) -> Self {
            Self::App(__payload)
        }
    }
    #[automatically_derived]
    impl<E> __sse::From<System> for WithSystem<E> {
        fn from(__payload: System) -> Self {
            Self::System(__payload)
        }
    }
};
