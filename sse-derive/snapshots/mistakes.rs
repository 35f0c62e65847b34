#[sse(nmae = "placed", topic = "shops/{shpo}")]
struct OrderPlaced<'a> {
    shop: Cow<'a, str>,
}

// becomes

::core::compile_error! { "unknown attribute `nmae`: did you mean `name`?" }
::core::compile_error! { "an event cannot borrow, since it is read back from the log when what it borrowed from is gone: own the data, as in `String` for `&str`" }
::core::compile_error! { "no field `shpo` for the topic's `{shpo}`: did you mean `{shop}`?" }
#[allow(deprecated)]
const _: () = {
    use ::sse_framework::__private as __sse;
    #[automatically_derived]
    impl<'a> __sse::SseEvent for OrderPlaced<'a>
    where
        Self: __sse::Sized + __sse::Send + 'static,
    {
        const TYPES: &'static [__sse::EventType] = &[];
        fn event_type(&self) -> &'static __sse::EventType {
            loop {}
        }
        fn topic(&self) -> __sse::Result<__sse::Option<__sse::Topic>, __sse::EncodeError> {
            __sse::no_topic()
        }
        fn encode(
            &self,
            __out: &mut __sse::Vec<__sse::u8>,
        ) -> __sse::Result<(), __sse::EncodeError> {
            loop {}
        }
        fn decode(__event: __sse::RawEvent<'_>) -> __sse::Result<Self, __sse::DecodeError> {
            __sse::unknown(__event)
        }
    }
};
