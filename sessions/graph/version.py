"""The version of the graph: a session goes on only under the one that began it."""

#: Raised by a change that sessions in progress cannot follow: another meaning of a channel, another way of the nodes.
GRAPH_VERSION = 2
