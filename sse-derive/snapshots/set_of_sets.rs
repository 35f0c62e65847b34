enum Everything {
    Shop(ShopEvent),
    #[sse(no_from)]
    Staff(Staff),
}

// becomes

#[allow(deprecated)]
const _: () = {
    use ::sse_framework::__private as __sse;
    const __SSE_PAYLOAD_0: __sse::Delegate<ShopEvent> = __sse::delegate::<ShopEvent>();
    const __SSE_PAYLOAD_1: __sse::Delegate<Staff> = __sse::delegate::<Staff>();
    const __SSE_OWN: &[__sse::EventType] = &[];
    const __SSE_PARTS: &[&[__sse::EventType]] =
        &[__SSE_OWN, __SSE_PAYLOAD_0.types, __SSE_PAYLOAD_1.types];
    const __SSE_DISTINCT: bool = __sse::are_distinct(__SSE_PARTS);
    const _: () = __sse::assert_distinct(__SSE_DISTINCT, __SSE_PARTS, 1);
    const _: () = __sse::assert_distinct(__SSE_DISTINCT, __SSE_PARTS, 2);
    const __SSE_TYPES: &[__sse::EventType] =
        &__sse::flatten::<{ __sse::count(__SSE_PARTS) }>(__SSE_PARTS);
    #[automatically_derived]
    impl __sse::SseEvent for Everything {
        const TYPES: &'static [__sse::EventType] = __SSE_TYPES;
        fn event_type(&self) -> &'static __sse::EventType {
            match self {
                Self::Shop(__payload) => (__SSE_PAYLOAD_0.event_type)(__payload),
                Self::Staff(__payload) => (__SSE_PAYLOAD_1.event_type)(__payload),
            }
        }
        fn topic(&self) -> __sse::Result<__sse::Option<__sse::Topic>, __sse::EncodeError> {
            match self {
                Self::Shop(__payload) => (__SSE_PAYLOAD_0.topic)(__payload),
                Self::Staff(__payload) => (__SSE_PAYLOAD_1.topic)(__payload),
            }
        }
        fn encode(
            &self,
            __out: &mut __sse::Vec<__sse::u8>,
        ) -> __sse::Result<(), __sse::EncodeError> {
            match self {
                Self::Shop(__payload) => (__SSE_PAYLOAD_0.encode)(__payload, __out),
                Self::Staff(__payload) => (__SSE_PAYLOAD_1.encode)(__payload, __out),
            }
        }
        fn decode(__event: __sse::RawEvent<'_>) -> __sse::Result<Self, __sse::DecodeError> {
            if __SSE_PAYLOAD_0.has(__event.name) {
                return (__SSE_PAYLOAD_0.decode)(__event).map(Self::Shop);
            }
            if __SSE_PAYLOAD_1.has(__event.name) {
                return (__SSE_PAYLOAD_1.decode)(__event).map(Self::Staff);
            }
            __sse::unknown(__event)
        }
    }
    #[automatically_derived]
    impl __sse::From<ShopEvent> for Everything {
        fn from(__payload: ShopEvent) -> Self {
            Self::Shop(__payload)
        }
    }
};
