struct __sse {
    __sse_: u8,
}

// becomes

#[allow(deprecated)]
const _: () = {
    use ::sse_framework::__private as __sse__;
    const __SSE_PAYLOAD: __sse__::Json<__sse> = __sse__::json::<__sse>();
    const __SSE_OWN: &[__sse__::EventType] =
        &[__SSE_PAYLOAD.describe(__sse__::EventType::new("--sse"))];
    #[automatically_derived]
    impl __sse__::SseEvent for __sse {
        const TYPES: &'static [__sse__::EventType] = __SSE_OWN;
        fn event_type(&self) -> &'static __sse__::EventType {
            &__SSE_OWN[0]
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
                "--sse" => (__SSE_PAYLOAD.decode)(__event, 1u32),
                _ => __sse__::unknown(__event),
            }
        }
    }
};
