"""Figures of the stream, on the default registry of prometheus_client."""

from prometheus_client import Counter, Gauge, Histogram

CLIENTS = Gauge("board_stream_clients", "Open streams of this process", multiprocess_mode="livesum")
SENT = Counter("board_stream_events_sent", "Events sent to clients, live and replayed")
REPLAYED = Counter("board_stream_events_replayed", "Events read from the table for a client that was behind")
GAPS = Counter("board_stream_gaps", "gap_detected sent to clients")
REFUSED = Counter("board_stream_refused", "Streams refused with 429 or 503", ["code"])
ENDED = Counter("board_stream_ended", "Streams that the server ended, by reason", ["reason"])
POLLS = Counter("board_stream_polls", "Looks at the table without a doorbell")
LISTENING = Gauge(
    "board_stream_listening", "1 while the doorbell's LISTEN connection is up", multiprocess_mode="livemax"
)
LAG = Histogram(
    "board_stream_lag_seconds",
    "From an event's row to its arrival in the hub, by the database's clock",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
)
WORDS_SHED = Counter("board_stream_words_shed", "Deliveries of passing words put off because the process was late")
