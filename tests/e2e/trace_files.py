# SPDX-License-Identifier: MIT
#
# trace_files.py - reading traces back, strictly
#
# Both formats become the same: tracks by (group, id), with their names; and
# marks in the order of the file. What a viewer would have to guess is an
# error: a track that nobody has introduced, times that go back, slices that
# end before they begin, flows with one end.

import collections
import json
import struct

WORKERS, GOROUTINES = 1, 2
OUTSIDE = 256

Mark = collections.namedtuple(
    "Mark", "type track ns name args flow_from flow_to")
Slice = collections.namedtuple("Slice", "track name args begin end")


class Bad(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Bad(why)


class Trace:
    def __init__(self):
        self.tracks = {}
        self.marks = []
        self.pid = None
        self.program = None

    def add_track(self, track, name):
        need(track not in self.tracks, "track %s twice" % (track,))
        need(name, "track %s has no name" % (track,))
        self.tracks[track] = name

    def named(self, group, text):
        """The tracks of a group whose name has @text."""
        return [t for t, name in self.tracks.items()
                if t[0] == group and text in name]

    def check(self):
        """All that must be true of any trace."""
        last = 0
        begun, ended = {}, {}
        open_slices, self.slices = {}, []
        for m in self.marks:
            need(m.track in self.tracks, "no track for %s" % (m,))
            need(m.ns >= last, "time goes back to %s" % (m,))
            last = m.ns
            if m.type == "begin":
                need(m.name, "a slice has no name: %s" % (m,))
                need(m.track not in open_slices, "slices overlap: %s" % (m,))
                open_slices[m.track] = m
            elif m.type == "end":
                b = open_slices.pop(m.track, None)
                need(b, "an end without a beginning: %s" % (m,))
                self.slices.append(Slice(m.track, b.name, b.args, b.ns, m.ns))
            else:
                need(m.name, "a moment has no name: %s" % (m,))
            if m.flow_from:
                need(m.flow_from not in begun, "a flow begins twice")
                begun[m.flow_from] = m
            if m.flow_to:
                need(m.flow_to in begun, "a flow ends before it begins")
                need(m.flow_to not in ended, "a flow ends twice")
                ended[m.flow_to] = m
        need(not open_slices, "slices without an end: %s" % open_slices)
        need(begun.keys() == ended.keys(), "flows with one end")
        self.flows = [(begun[f], ended[f]) for f in begun]
        for a, b in self.flows:
            need(b.track == (GOROUTINES, a.args["goroutine"]),
                 "a flow to somebody else: %s %s" % (a, b))
            need(b.name == "running", "woken, it does not run: %s" % (b,))
        self.check_workers()
        return self

    def check_workers(self):
        """A worker runs who says that it runs there, at that time."""
        running = collections.defaultdict(list)
        for s in self.slices:
            if s.track[0] == GOROUTINES and s.name == "running":
                running[s.track[1], s.args["worker"]].append((s.begin, s.end))
        for s in self.slices:
            if s.track[0] != WORKERS or s.name in ("scheduler",
                                                   "blocking call"):
                continue
            need((s.begin, s.end) in running[s.args["goroutine"],
                                             s.track[1]],
                 "a worker runs who does not run: %s" % (s,))


# --- Protocol buffers ---------------------------------------------------------


def varint(data, at):
    value = shift = 0
    while True:
        need(at < len(data) and shift < 70, "a number has no end")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            need(value < 1 << 64, "a number of more than 64 bits")
            return value, at


def message(data, fixed=()):
    """{field: [value]}; a value is a number or bytes.

    Numbers are varints, but for those of the fields @fixed: a viewer passes
    over a field that comes in another form."""
    fields, at = collections.defaultdict(list), 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        need(wire != 0 or key >> 3 not in fixed, "field %d is a varint" %
             (key >> 3))
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1 and key >> 3 in fixed:
            need(at + 8 <= len(data), "a message is cut off")
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif wire == 2:
            n, at = varint(data, at)
            need(at + n <= len(data), "a message is cut off")
            value, at = data[at:at + n], at + n
        else:
            raise Bad("wire type %d" % wire)
        fields[key >> 3].append(value)
    return fields


def only(fields, *known):
    """No field that is not @known, and of each at most one."""
    for number, values in fields.items():
        need(number in known, "field %d" % number)
        need(len(values) == 1, "field %d more than once" % number)


def one(fields, number, default=None):
    return fields[number][0] if number in fields else default


def text(fields, number):
    value = one(fields, number)
    return value.decode() if value is not None else None


class Perfetto(Trace):
    TYPES = {1: "begin", 2: "end", 3: "moment"}

    def __init__(self, data):
        super().__init__()
        self.uuids = {}   # to (group, id)
        self.groups = {}  # to a group
        self.root = None
        self.names = {2: {}, 3: {}}  # by field of interned_data
        trace = message(data)
        need(set(trace) == {1}, "not only packets")
        for n, packet in enumerate(trace[1]):
            self.packet(message(packet), n == 0)

    def packet(self, p, first):
        only(p, 8, 10, 11, 12, 13, 60)
        need(one(p, 10) == 1, "a sequence that is not ours")
        need(one(p, 13) == (3 if first else 2), "sequence_flags")
        if 12 in p:
            interned = message(one(p, 12))
            need(set(interned) <= {2, 3}, "what is interned")
            for kind, entries in interned.items():
                for entry in entries:
                    e = message(entry)
                    only(e, 1, 2)
                    need(one(e, 1) not in self.names[kind], "interned twice")
                    self.names[kind][one(e, 1)] = text(e, 2)
        if 60 in p:
            self.track(message(one(p, 60)))
        else:
            need(8 in p and 11 in p, "a packet of nothing")
            self.event(one(p, 8), message(one(p, 11), fixed=(47, 48)))

    def track(self, t):
        only(t, 1, 2, 3, 5)
        uuid, parent = one(t, 1), one(t, 5)
        need(uuid and uuid not in self.uuids, "uuid %s" % uuid)
        if 3 in t:
            process = message(one(t, 3))
            only(process, 1, 6)
            self.pid, self.program = one(process, 1), text(process, 6)
            self.root = uuid
        elif parent == self.root:
            group = {"workers": WORKERS, "goroutines": GOROUTINES}
            self.groups[uuid] = group[text(t, 2)]
        else:
            name = text(t, 2)
            group = self.groups[parent]
            number = OUTSIDE if name == "outside" else int(name.split()[1])
            self.uuids[uuid] = (group, number)
            self.add_track((group, number), name)

    def event(self, ns, e):
        need(set(e) <= {4, 9, 10, 11, 47, 48}, "fields %s" % set(e))
        kind = self.TYPES[one(e, 9)]
        args = {}
        for annotation in e.get(4, []):
            a = message(annotation)
            only(a, 1, 3)
            args[self.names[3][one(a, 1)]] = one(a, 3)
        self.marks.append(Mark(
            kind, self.uuids[one(e, 11)], ns,
            self.names[2][one(e, 10)] if 10 in e else None, args,
            one(e, 47), one(e, 48)))


# --- Chrome's JSON --------------------------------------------------------------


class Chrome(Trace):
    TYPES = {"B": "begin", "E": "end", "i": "moment"}

    def __init__(self, data):
        super().__init__()
        trace = json.loads(data)
        self.pid = trace["otherData"]["pid"]
        self.program = trace["otherData"]["program"]
        for e in trace["traceEvents"]:
            self.event(e, (e["pid"], e["tid"]))

    def event(self, e, track):
        phase = e["ph"]
        if phase == "M":
            if e["name"] == "thread_name":
                self.add_track(track, e["args"]["name"])
            return
        ns = round(e["ts"] * 1000)
        if phase in self.TYPES:
            self.marks.append(Mark(self.TYPES[phase], track, ns,
                                   e.get("name"), e.get("args", {}),
                                   None, None))
            return
        # An arrow belongs to what was said last.
        m = self.marks[-1]
        need((m.track, m.ns) == (track, ns), "an arrow of nobody: %s" % e)
        if phase == "s":
            self.marks[-1] = m._replace(flow_from=e["id"])
        else:
            need(phase == "f" and e["bp"] == "e", "phase %s" % phase)
            self.marks[-1] = m._replace(flow_to=e["id"])


def read(path):
    with open(path, "rb") as f:
        data = f.read()
    kind = Chrome if data[:1] == b"{" else Perfetto
    return kind(data).check()
