#[deprecated(note = "use `Moved`")]
#[sse(name = "changed", topic = "changes/{to}", crate = "crate::events")]
struct Changed<T: Clone, const N: usize>
where
    T: PartialEq,
{
    to: T,
    seen: [u8; N],
}

// becomes

#[allow(deprecated)]
const _: () = {
    use crate::events::__private as __sse;
    #[automatically_derived]
    impl<T: Clone, const N: usize> __sse::Own for Changed<T, N>
    where
        T: PartialEq,
        Self: __sse::Send + 'static,
        Self: __sse::Serialize + __sse::DeserializeOwned + __sse::JsonSchema,
        T: __sse::TopicValue,
    {
        const OWN: &'static [__sse::EventType] = &[__sse::json::<Changed<T, N>>()
            .describe(__sse::EventType::new("changed").with_deprecated("use `Moved`"))];
    }
    #[automatically_derived]
    impl<T: Clone, const N: usize> __sse::SseEvent for Changed<T, N>
    where
        T: PartialEq,
        Self: __sse::Send + 'static,
        Self: __sse::Serialize + __sse::DeserializeOwned + __sse::JsonSchema,
        T: __sse::TopicValue,
    {
        const TYPES: &'static [__sse::EventType] = <Self as __sse::Own>::OWN;
        fn event_type(&self) -> &'static __sse::EventType {
            &<Self as __sse::Own>::OWN[0]
        }
        fn topic(&self) -> __sse::Result<__sse::Option<__sse::Topic>, __sse::EncodeError> {
            __sse::TopicText::new("changed").literal("changes/").value("to", &self.to).finish()
        }
        fn encode(
            &self,
            __out: &mut __sse::Vec<__sse::u8>,
        ) -> __sse::Result<(), __sse::EncodeError> {
            (__sse::json::<Changed<T, N>>().encode)("changed", self, __out)
        }
        fn decode(__event: __sse::RawEvent<'_>) -> __sse::Result<Self, __sse::DecodeError> {
            match __event.name {
                "changed" => (__sse::json::<Changed<T, N>>().decode)(__event, 1u32),
                _ => __sse::unknown(__event),
            }
        }
    }
};
