struct __sse {
    __sse_: u8,
}

// becomes

#[allow(deprecated)]
const _: () = {
    use ::sse_framework::__private as __sse__;
    const __SSE_TYPES: &[__sse__::EventType] = &[__sse__::EventType::new("--sse")];
    const __SSE_PAYLOAD: __sse__::Json<__sse> = __sse__::json::<__sse>();
    #[automatically_derived]
    impl __sse__::SseEvent for __sse {
        const TYPES: &'static [__sse__::EventType] = __SSE_TYPES;
        fn event_type(&self) -> &'static __sse__::EventType {
            &__SSE_TYPES[0]
        }
        fn topic(&self) -> __sse__::Result<__sse__::Option<__sse__::Topic>, __sse__::EncodeError> {
            __sse__::no_topic()
        }
        fn encode(
            &self,
            __out: &mut __sse__::Vec<__sse__::u8>,
        ) -> __sse__::Result<(), __sse__::EncodeError> {
            (__SSE_PAYLOAD.encode)("--sse", self, __out)
        }
        fn decode(__event: __sse__::RawEvent<'_>) -> __sse__::Result<Self, __sse__::DecodeError> {
            match __event.name {
                "--sse" => (__SSE_PAYLOAD.decode)(__event),
                _ => __sse__::unknown(__event),
            }
        }
    }
};
