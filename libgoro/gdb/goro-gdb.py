# SPDX-License-Identifier: MIT
"""Goroutines in gdb: "info goroutines", "goroutine N COMMAND".

Idea       What is known comes from the debug ABI (docs/DEBUG-ABI.md), so this
           works without debug information, on a process and on a core. gdb is
           given a goroutine's registers by an unwinder: it says that the
           thread's own frame, number 0, was called from where the goroutine
           is parked. No register is ever written, so a core will do, and a
           process that goes on afterwards has not been touched.
Trust      Lists are bounded; a damaged one ends early.
"""

import re
import struct

import gdb
from gdb.unwinder import Unwinder, register_unwinder

STATES = ("free", "running", "runnable", "claimed", "waiting", "syscall")
FREE, RUNNING, RUNNABLE, CLAIMED, WAITING, SYSCALL = range(6)
FRESH = 1
CHUNKS_MAX = 1 << 16
SLOTS_MAX = 1 << 20
FRAMES_MAX = 10000
PAGE = 4096
# By DWARF number.
REGISTERS = ("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
             "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip")
SP, PC = 7, 16
MASK = (1 << 64) - 1


def read(addr, size):
    return bytes(gdb.selected_inferior().read_memory(addr, size))


def load(data, field):
    """The value of a field (offset, bytes) of a structure; 0 for none."""
    offset, size = field
    if size == 0:
        return 0
    return int.from_bytes(data[offset:offset + size], "little")


class Table:
    """The debug ABI's table, as far as it is used here."""

    def __init__(self, addr):
        self.addr = addr
        head = read(addr, 16)
        cookie, version, size = struct.unpack("<8sII", head)
        if cookie != b"goro-abi":
            raise gdb.GdbError("goro: the table has a wrong cookie")
        if version > 1:
            raise gdb.GdbError("goro: the table has version %d, this script "
                               "knows 1" % version)
        data = read(addr, min(size, 300))
        at = 20
        self.states_n, self.reasons_n = struct.unpack_from("<II", data, at)
        at = 32
        (self.chunks, _, _, _, _, _, self.reason_names, self.text_lo,
         self.text_hi) = struct.unpack_from("<9Q", data, at)
        at += 72

        def fields(names):
            nonlocal at
            for name in names.split():
                setattr(self, name, struct.unpack_from("<HH", data, at))
                at += 4

        def words(names):
            nonlocal at
            for name in names.split():
                setattr(self, name, struct.unpack_from("<I", data, at)[0])
                at += 4

        fields("c_next c_base c_slot_bytes c_slots c_carved c_words")
        words("c_bytes c_word_stride c_colours c_colour_bytes")
        words("g_bytes _")
        fields("g_sp g_id g_creator_id g_creator_pc g_entry g_stack_lo "
               "g_stack_hi g_thread g_wait_reason g_wait_n g_wait_obj "
               "g_wait_since g_flags g_name")
        at += 20  # threads: gdb has its own list of them
        words("context_bytes saved_n")
        self.saved = [struct.unpack_from("<Hh", data, at + 4 * i)
                      for i in range(min(self.saved_n, 16))]

    def is_runtime(self, pc):
        """Is it the runtime's own code?"""
        if self.text_hi:
            return self.text_lo <= pc < self.text_hi
        return gdb.solib_name(pc) == gdb.solib_name(self.addr)

    def reason(self, n):
        if n >= self.reasons_n:
            return "unknown wait reason"
        text = read(self.reason_names + 32 * n, 32)
        return text.split(b"\0")[0].decode("ascii", "replace")


def mappings():
    """Where files begin in memory, with the mapping's end."""
    text = gdb.execute("info proc mappings", to_string=True)
    for line in text.splitlines():
        m = re.match(r"\s*0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+0x[0-9a-f]+\s+"
                     r"0x([0-9a-f]+)\s.*/", line)
        if m and int(m.group(3), 16) == 0:
            yield int(m.group(1), 16)


def tables_of(start):
    """The tables that the notes of the ELF image at @start lead to."""
    page = read(start, PAGE)
    if page[:6] != b"\x7fELF\x02\x01":
        return
    phoff, = struct.unpack_from("<Q", page, 32)
    phsize, phnum = struct.unpack_from("<HH", page, 54)
    phdrs = read(start + phoff, phsize * min(phnum, 256))
    bias = None
    notes = []
    for at in range(0, len(phdrs), phsize):
        kind, _, offset, vaddr, _, _, size = struct.unpack_from(
            "<IIQQQQQ", phdrs, at)
        if kind == 1 and offset < PAGE and bias is None:
            bias = start - (vaddr & ~(PAGE - 1))
        if kind == 4 and size < 65536:
            notes.append((vaddr, size))
    for vaddr, size in notes:
        addr = (vaddr + (bias or 0)) & MASK
        data = read(addr, size)
        at = 0
        while at + 12 <= size:
            namesz, descsz, kind = struct.unpack_from("<III", data, at)
            desc = at + 12 + (namesz + 3 & ~3)
            if (data[at + 12:at + 12 + namesz] == b"goro\0" and kind == 1 and
                    desc + 8 <= size):
                distance, = struct.unpack_from("<q", data, desc)
                yield (addr + desc + distance) & MASK
            at = desc + (descsz + 3 & ~3)


def find_table():
    found = None
    for start in mappings():
        try:
            for addr in tables_of(start):
                table = Table(addr)
                # Of two runtimes, the one that has goroutines.
                if load(read(table.chunks, 8), (0, 8)):
                    return table
                found = found or table
        except (gdb.MemoryError, struct.error):
            continue
    if not found:
        raise gdb.GdbError("goro: this program does not run libgoro")
    return found


class Goroutine:
    def __init__(self, table, lo, record, state):
        self.lo = lo
        self.record = record
        self.state = state
        data = read(record, table.g_bytes)
        self.id = load(data, table.g_id)
        self.sp = load(data, table.g_sp)
        self.flags = load(data, table.g_flags)
        self.entry = load(data, table.g_entry)
        self.name = ""
        if load(data, table.g_name):
            try:
                self.name = gdb.Value(load(data, table.g_name)).cast(
                    gdb.lookup_type("char").pointer()).string(
                        "utf-8", "replace", length=64).split("\0")[0]
            except gdb.error:
                pass
        if state == WAITING:
            self.status = table.reason(load(data, table.g_wait_reason))
        else:
            self.status = STATES[state] if state < len(STATES) else "???"

    def fresh(self):
        return self.flags & FRESH

    def on_thread(self):
        return self.state in (RUNNING, SYSCALL)

    def registers(self, table):
        """What it will get back when it goes on."""
        context = read(self.sp, table.context_bytes)
        regs = {SP: self.sp + table.context_bytes}
        for dwarf, offset in table.saved:
            if dwarf < len(REGISTERS):
                regs[dwarf] = load(context, (offset, 8))
        return regs


def goroutines(table):
    """All of them, by number."""
    found = []
    chunk = load(read(table.chunks, 8), (0, 8))
    seen = set()
    while chunk and chunk not in seen and len(seen) < CHUNKS_MAX:
        seen.add(chunk)
        data = read(chunk, table.c_bytes)
        base, slot_bytes = load(data, table.c_base), load(data,
                                                          table.c_slot_bytes)
        slots = load(data, table.c_slots)
        carved = min(load(data, table.c_carved), slots)
        if slots > SLOTS_MAX or slots & (slots - 1):
            break
        words = struct.unpack("<%dQ" % slots,
                              read(load(data, table.c_words), 8 * slots))
        for i in range(carved):
            word = words[i * table.c_word_stride & (slots - 1)]
            if word & 0xff == FREE:
                continue
            record = (base + (i + 1) * slot_bytes - table.g_bytes -
                      i % max(table.c_colours, 1) * table.c_colour_bytes)
            try:
                g = Goroutine(table, base + i * slot_bytes, record,
                              word & 0xff)
            except gdb.MemoryError:
                continue
            if g.id:
                found.append(g)
        chunk = load(data, table.c_next)
    found.sort(key=lambda g: g.id)
    return found


class ParkedUnwinder(Unwinder):
    """Makes frame 1 of the selected thread the innermost of a goroutine."""

    def __init__(self):
        super().__init__("goroutine")
        self.here = None  # sp and pc of frame 0
        self.regs = None

    def __call__(self, frame):
        if not self.regs:
            return None
        sp = int(frame.read_register("rsp")) & MASK
        pc = int(frame.read_register("rip")) & MASK
        if (sp, pc) != self.here:
            return None

        class Id:
            pass

        # A frame's caller has to lie above it.
        Id.sp = gdb.Value(self.regs[SP] - 16)
        Id.pc = frame.read_register("rip")
        info = frame.create_unwind_info(Id)
        for number, value in self.regs.items():
            name = REGISTERS[number]
            info.add_saved_register(
                name, gdb.Value(value).cast(frame.read_register(name).type))
        return info


unwinder = ParkedUnwinder()


class Parked:
    """with Parked(regs): the older frames of frame 0 are the goroutine's."""

    def __init__(self, regs):
        self.regs = regs

    def __enter__(self):
        gdb.newest_frame().select()
        frame = gdb.newest_frame()
        unwinder.here = (int(frame.read_register("rsp")) & MASK,
                         int(frame.read_register("rip")) & MASK)
        unwinder.regs = self.regs
        gdb.invalidate_cached_frames()
        return gdb.newest_frame().older()

    def __exit__(self, *_):
        unwinder.regs = None
        gdb.invalidate_cached_frames()
        gdb.newest_frame().select()


def threads_by_stack(found):
    """The gdb thread of each goroutine that is on one: by stack pointer, since
    ids of threads are not the same in each namespace."""
    on = {}
    before = gdb.selected_thread()
    wanted = [g for g in found if g.on_thread()]
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        sp = int(gdb.newest_frame().read_register("rsp")) & MASK
        for g in wanted:
            if g.lo <= sp < g.record:
                on[g.id] = thread
    if before:
        before.switch()
    return on


def frame_text(frame):
    """As gdb writes it."""
    sal = frame.find_sal()
    text = ""
    if sal.pc != frame.pc() or not sal.symtab:
        text = "0x%016x in " % frame.pc()
    text += (frame.name() or "??") + " ("
    args = []
    try:
        for symbol in frame.block():
            if symbol.is_argument:
                value = symbol.value(frame)
                args.append("%s=%s" % (symbol.print_name, value.format_string(
                    max_elements=8, summary=True)))
    except (RuntimeError, gdb.error, TypeError):
        pass
    text += ", ".join(args) + ")"
    if sal.symtab:
        text += " at %s:%d" % (sal.symtab.filename, sal.line)
    return text


def frames_from(frame):
    n = 0
    while frame and n < FRAMES_MAX:
        yield frame
        try:
            frame = frame.older()
        except gdb.error:
            return
        n += 1


def with_frames(table, g, threads, fn):
    """Call fn(innermost frame) with the goroutine's frames in place; False
    where it has none."""
    if g.fresh():
        return False
    if g.on_thread():
        thread = threads.get(g.id)
        if not thread:
            return False
        before = gdb.selected_thread()
        thread.switch()
        try:
            fn(gdb.newest_frame())
        finally:
            before.switch()
        return True
    with Parked(g.registers(table)) as frame:
        if not frame:
            return False
        fn(frame)
    return True


def where(table, g, threads):
    """Where it is: its innermost frame that is not the runtime's."""
    if g.fresh():
        return "will begin at 0x%x" % g.entry
    lines = []

    def look(frame):
        for f in frames_from(frame):
            if not table.is_runtime(f.pc()):
                lines.append(frame_text(f))
                return

    try:
        with_frames(table, g, threads, look)
    except (gdb.error, gdb.MemoryError) as err:
        return str(err)
    return lines[0] if lines else "stack unavailable"


def need_process():
    if not gdb.selected_thread():
        raise gdb.GdbError("There is no process and no core.")


class InfoGoroutines(gdb.Command):
    """List the goroutines: number, status, name, and where they are.
An asterisk marks the one that the selected thread runs."""

    def __init__(self):
        super().__init__("info goroutines", gdb.COMMAND_STATUS)

    def invoke(self, arg, from_tty):
        need_process()
        table = find_table()
        found = goroutines(table)
        threads = threads_by_stack(found)
        for g in found:
            mine = threads.get(g.id)
            mark = "*" if mine and mine == gdb.selected_thread() else " "
            name = ' "%s"' % g.name if g.name else ""
            print("%s %-5d [%s]%s %s" % (mark, g.id, g.status, name,
                                        where(table, g, threads)))


class GoroutineCommand(gdb.Command):
    """Run a command in a goroutine: goroutine N COMMAND, goroutine all COMMAND.
COMMAND bt prints its stack. With any other one its innermost frame is the
selected one, as in "goroutine 7 info registers"; and the numbers that bt prints
are those of frames: "goroutine 7 frame 5"."""

    def __init__(self):
        super().__init__("goroutine", gdb.COMMAND_STACK)

    def invoke(self, arg, from_tty):
        need_process()
        words = arg.split(None, 1)
        if not words or not (words[0] == "all" or words[0].isdigit()):
            raise gdb.GdbError("usage: goroutine N|all COMMAND")
        command = words[1] if len(words) > 1 else "bt"
        table = find_table()
        found = goroutines(table)
        if words[0] != "all":
            found = [g for g in found if g.id == int(words[0])]
            if not found:
                raise gdb.GdbError("No goroutine %s." % words[0])
        threads = threads_by_stack(found)
        for n, g in enumerate(found):
            if words[0] == "all":
                print("%sgoroutine %d [%s]:" % ("\n" if n else "", g.id,
                                                g.status))
            self.run(table, g, threads, command)

    def run(self, table, g, threads, command):
        def backtrace(frame):
            for f in frames_from(frame):
                print("#%-3d%s" % (f.level(), frame_text(f)))

        def other(frame):
            frame.select()
            gdb.execute(command)

        is_bt = command in ("bt", "backtrace", "where")
        if not with_frames(table, g, threads, backtrace if is_bt else other):
            print(where(table, g, threads))


register_unwinder(None, unwinder, replace=True)
InfoGoroutines()
GoroutineCommand()
