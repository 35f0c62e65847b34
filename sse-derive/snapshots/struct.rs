/// An order was accepted.
#[sse(topic = "shops/{shop}/orders-{items.0}")]
struct OrderPlaced {
    shop: String,
    items: (u32, u32),
}

// becomes

#[allow(deprecated)]
const _: () = {
    use ::sse_framework::__private as __sse;
    const __SSE_PAYLOAD: __sse::Json<OrderPlaced> = __sse::json::<OrderPlaced>();
    const __SSE_OWN: &[__sse::EventType] = &[__SSE_PAYLOAD.describe(
        __sse::EventType::new("order-placed").with_description("An order was accepted."),
    )];
    #[automatically_derived]
    impl __sse::SseEvent for OrderPlaced {
        const TYPES: &'static [__sse::EventType] = __SSE_OWN;
        fn event_type(&self) -> &'static __sse::EventType {
            &__SSE_OWN[0]
        }
        fn topic(&self) -> __sse::Result<__sse::Option<__sse::Topic>, __sse::EncodeError> {
            __sse::TopicText::new("order-placed")
                .literal("shops/")
                .value("shop", &self.shop)
                .literal("/orders-")
                .value("items.0", &self.items.0)
                .finish()
        }
        fn encode(
            &self,
            __out: &mut __sse::Vec<__sse::u8>,
        ) -> __sse::Result<(), __sse::EncodeError> {
            (__SSE_PAYLOAD.encode)("order-placed", self, __out)
        }
        fn decode(__event: __sse::RawEvent<'_>) -> __sse::Result<Self, __sse::DecodeError> {
            match __event.name {
                "order-placed" => (__SSE_PAYLOAD.decode)(__event, 1u32),
                _ => __sse::unknown(__event),
            }
        }
    }
};
