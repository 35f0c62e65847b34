enum ShopEvent {
    OrderPlaced(OrderPlaced),
    #[sse(name = "stock", topic = "stock/{sku}")]
    StockChanged { sku: String, left: u32 },
    Packed(String, String),
    Nested(Box<Inner>),
    #[sse(json)]
    Notice(String),
}

// becomes

#[allow(deprecated)]
const _: () = {
    use ::sse_framework::__private as __sse;
    const __SSE_PAYLOAD_0: __sse::Delegate<OrderPlaced> = __sse::delegate::<OrderPlaced>();
    const __SSE_PAYLOAD_3: __sse::Delegate<Box<Inner>> = __sse::delegate::<Box<Inner>>();
    const __SSE_PAYLOAD: __sse::Variants<ShopEvent> = __sse::variants::<ShopEvent>();
    const __SSE_OWN: &[__sse::EventType] = &[
        __SSE_PAYLOAD.describe(__sse::EventType::new("stock"), "StockChanged", "StockChanged"),
        __SSE_PAYLOAD.describe(__sse::EventType::new("packed"), "Packed", "Packed"),
        __SSE_PAYLOAD.describe(__sse::EventType::new("notice"), "Notice", "Notice"),
    ];
    const __SSE_PARTS: &[&[__sse::EventType]] =
        &[__SSE_OWN, __SSE_PAYLOAD_0.types, __SSE_PAYLOAD_3.types];
    const __SSE_DISTINCT: bool = __sse::are_distinct(__SSE_PARTS);
    const _: () = __sse::assert_distinct(__SSE_DISTINCT, __SSE_PARTS, 1);
    const _: () = __sse::assert_distinct(__SSE_DISTINCT, __SSE_PARTS, 2);
    const __SSE_TYPES: &[__sse::EventType] =
        &__sse::flatten::<{ __sse::count(__SSE_PARTS) }>(__SSE_PARTS);
    #[automatically_derived]
    impl __sse::SseEvent for ShopEvent {
        const TYPES: &'static [__sse::EventType] = __SSE_TYPES;
        fn event_type(&self) -> &'static __sse::EventType {
            match self {
                Self::OrderPlaced(__payload) => (__SSE_PAYLOAD_0.event_type)(__payload),
                Self::Nested(__payload) => (__SSE_PAYLOAD_3.event_type)(__payload),
                Self::StockChanged { .. } => &__SSE_OWN[0],
                Self::Packed { .. } => &__SSE_OWN[1],
                Self::Notice { .. } => &__SSE_OWN[2],
            }
        }
        fn topic(&self) -> __sse::Result<__sse::Option<__sse::Topic>, __sse::EncodeError> {
            match self {
                Self::OrderPlaced(__payload) => (__SSE_PAYLOAD_0.topic)(__payload),
                Self::Nested(__payload) => (__SSE_PAYLOAD_3.topic)(__payload),
                Self::StockChanged { sku: __sse_0, .. } => __sse::TopicText::new("stock")
                    .literal("stock/")
                    .value("sku", &(*__sse_0))
                    .finish(),
                _ => __sse::no_topic(),
            }
        }
        fn encode(
            &self,
            __out: &mut __sse::Vec<__sse::u8>,
        ) -> __sse::Result<(), __sse::EncodeError> {
            match self {
                Self::OrderPlaced(__payload) => (__SSE_PAYLOAD_0.encode)(__payload, __out),
                Self::Nested(__payload) => (__SSE_PAYLOAD_3.encode)(__payload, __out),
                _ => (__SSE_PAYLOAD.encode)(__sse::SseEvent::event_type(self).name(), self, __out),
            }
        }
        fn decode(__event: __sse::RawEvent<'_>) -> __sse::Result<Self, __sse::DecodeError> {
            if __SSE_PAYLOAD_0.has(__event.name) {
                return (__SSE_PAYLOAD_0.decode)(__event).map(Self::OrderPlaced);
            }
            if __SSE_PAYLOAD_3.has(__event.name) {
                return (__SSE_PAYLOAD_3.decode)(__event).map(Self::Nested);
            }
            let (__index, __version) = match __event.name {
                "stock" => (1, 1),
                "packed" => (2, 1),
                "notice" => (4, 1),
                _ => return __sse::unknown(__event),
            };
            (__SSE_PAYLOAD.decode)(__event, __index, __version)
        }
    }
    #[automatically_derived]
    impl __sse::From<OrderPlaced> for ShopEvent {
        fn from(__payload: OrderPlaced) -> Self {
            Self::OrderPlaced(__payload)
        }
    }
    #[automatically_derived]
    impl __sse::From<Box<Inner>> for ShopEvent {
        fn from(__payload: Box<Inner>) -> Self {
            Self::Nested(__payload)
        }
    }
    #[automatically_derived]
    impl __sse::From<Inner> for ShopEvent {
        fn from(__payload: Inner) -> Self {
            Self::Nested(__sse::From::from(__payload))
        }
    }
};
