"""How threads share the work of a program: they take pieces of it until nothing is left, and nobody waits for idlers.

A program is a list of (kernel, arguments, how many items). The caller opens one kernel after the other: it gives each
thread an equal part of the items, in a `TICKET` (the number of the kernel, and how many items of the part are left).
Whoever comes takes half of what is left of its own part, then again half, and when its own part is gone it helps with
the others'. The caller does the same; then it waits, not for threads but for items: until all of them are done.

So a thread that the system has taken from its core holds up the others only if it stopped inside an item; otherwise
they do its part. No thread is ever needed. And as each item is computed by one thread, in one order, the numbers are
the same whoever took it.

Why late comers can do no harm: a piece is taken by replacing the whole ticket, if it is still what was read. Then the
kernel cannot be closed before the piece is done, so everything that belongs to it stays in place. A thread that is too
late finds another number in the ticket, or nothing left, and has touched nothing.

What one thread writes and another reads costs a trip between cores, a tenth of a microsecond. So a helper looks at its
own ticket only, and counts what it has done in a line of its own, to which the caller looks.

Waiting is spinning at first, as most waits are shorter than it takes to fall asleep; after some tens of microseconds
it is sleeping, so that whoever is waited for finds a core.
"""

from glassgpt.kernels.ir import Function, Module, Value
from glassgpt.kernels.machine import ISB, Machine
from glassgpt.kernels.types_of_llvm import I32, I64, PTR

LINE = 64
"""Bytes of a cache line: what different threads write lies in different lines."""
THREADS, SHARES, ENTRY, BEFORE, ITEMS, STATE, NAP, NAP_TIME = (8 * place for place in range(8))
"""Numbers that seldom change: all threads, how many are asked in this run; the line of the program that is open, how
many private ones belong to it, its items, the state; the system's function that sleeps, and its argument."""
OPENED, WANTED, LOST, HELD, REST, GOING, LONG_NAP = (LINE + 8 * place for place in range(7))
"""The caller's notes: how many kernels were ever opened, how many items they had in all; how many naps it took in
this run; when, in ticks, it was last held up for long, and until when it goes on alone; 1 while the run lasts; and what
the system's function is given for a long sleep."""
BERTHS, BERTH = 2 * LINE, 2 * LINE
"""Where two lines for each thread begin, and their size."""
TICKET, STATUS, WOKEN, FINISHED = 0, 8, 16, LINE
"""The last is how many items this thread has ever done; nobody else writes it."""
AWAKE, ASLEEP = 0, 1

KERNEL, ARGUMENTS, FACTOR, COUNT, PRIVATE = (8 * place for place in range(5))
"""A line of a program: run `kernel(arguments, state, thread, first, count)` for `FACTOR` · `state[COUNT]` items; a
private one is run whole by each thread for itself, before its first piece of the next that is not."""
ENTRY_BYTES = 40

PATIENCE = 1000
"""Pauses before a waiting thread sleeps: some tens of microseconds."""
LINGER = 10
"""Naps after the run before a helper leaves to sleep soundly: about a millisecond."""
TOLERABLE = 2
"""Naps at the end of a kernel that are no sign of trouble: the last pieces are not of one size. Nor is it one to wait
for less than a third of the time that the caller computed, however long that is."""
CAUTION, SOON = 4, 8
"""How many times as long as it was held up the caller goes on alone, if that happened again so soon. Once is chance:
the whole machine may have stood still. Again and again is another program on our core."""


def add_sharing(module: Module, machine: Machine) -> None:
    """Write what the threads run: `start` and `run` (the caller), `serve` (a helper)."""
    with module.function("compute", pool=PTR, thread=I64, line=PTR, first=I64, count=I64) as f:
        arguments = (f.load(PTR, f["line"] + ARGUMENTS), f.load(PTR, f["pool"] + STATE), f["thread"])
        f.call(f.load(PTR, f["line"] + KERNEL), *arguments, f["first"], f["count"])
    with module.function("prepare", pool=PTR, thread=I64) as f:
        last, before = f.load(PTR, f["pool"] + ENTRY), f.load(I64, f["pool"] + BEFORE)
        state = f.load(PTR, f["pool"] + STATE)
        with f.times(before) as i:
            entry = last + (i - before) * ENTRY_BYTES
            f.call("compute", f["pool"], f["thread"], entry, f.value(I64, 0), _items(f, entry, state))
    with module.function("work", pool=PTR, thread=I64) as f:
        _work(f)
    with module.function("wait", pool=PTR, began=I64) as f:
        _wait(f, machine)
    with module.function("run", pool=PTR, program=PTR, count=I64, state=PTR) as f:
        _run(f, machine)
    with module.function("start", pool=PTR) as f:
        number = _add(f, f["pool"] + OPENED, 1) << 32
        with f.times(f.load(I64, f["pool"] + SHARES) - 1) as i:
            berth = f["pool"] + BERTHS + (i + 1) * BERTH
            f.atomic("xchg", berth + TICKET, number)  # who is awake looks; who sleeps is asked
            f.store(f.swap_if(berth + STATUS, ASLEEP, AWAKE), berth + WOKEN)
    with module.function("serve", pool=PTR, thread=I64) as f:
        _serve(f, machine)


def _items(f: Function, entry: Value, state: Value) -> Value:
    return f.load(I64, entry + FACTOR) * f.load(I64, state + f.load(I64, entry + COUNT))


def _run(f: Function, machine: Machine) -> None:
    """The caller: one kernel after the other."""
    pool, state, before = f["pool"], f["state"], f.scratch(8)
    f.store(state, pool + STATE)
    for place in (pool + LOST, before):
        f.store(f.value(I64, 0), place)
    _publish(f, f.value(I64, 1), pool + GOING)
    with f.times(f["count"]) as i:
        entry = f["program"] + i * ENTRY_BYTES
        private = f.load(I64, entry + PRIVATE)
        with f.when(private.equals(0)):
            items = _items(f, entry, state)
            f.store(entry, pool + ENTRY)
            f.store(items, pool + ITEMS)
            f.store(f.load(I64, before), pool + BEFORE)
            shares, now = f.load(I64, pool + SHARES), _ticks(f, machine)
            alone = shares.equals(1) | items.below(2) | now.below(f.load(I64, pool + REST))
            with f.when(alone):
                f.call("prepare", pool, f.value(I64, 0))
                f.call("compute", pool, f.value(I64, 0), entry, f.value(I64, 0), items)
            with f.when(alone.equals(0)):
                _open(f, pool, items, shares)
                f.call("work", pool, f.value(I64, 0))
                f.call("wait", pool, now)
        f.store((f.load(I64, before) + 1) * private, before)
    _publish(f, f.value(I64, 0), pool + GOING)


def _open(f: Function, pool: Value, items: Value, shares: Value) -> None:
    """Write a ticket for each thread; from then on anyone may take pieces."""
    _add(f, pool + WANTED, items)
    number = _add(f, pool + OPENED, 1) << 32
    with f.times(shares) as i:
        part = items * (i + 1) // shares - items * i // shares
        _publish(f, number | part, pool + BERTHS + i * BERTH + TICKET)


def _work(f: Function) -> None:
    """Take pieces of one's own part, then of the others', until there are none."""
    pool, thread, prepared = f["pool"], f["thread"], f.scratch(8)
    finished = pool + BERTHS + thread * BERTH + FINISHED
    threads = f.load(I64, pool + THREADS)
    f.store(f.value(I64, -1), prepared)
    with f.times(threads) as n:
        part = (thread + n) % threads
        ticket = pool + BERTHS + part * BERTH + TICKET
        with f.forever() as leave:
            seen = f.look(ticket)
            left = seen & 0xFFFFFFFF
            leave(left.equals(0))
            taken = (left + 1) // 2
            with f.when(f.swap_if(ticket, seen, seen - taken).equals(seen)):
                with f.when(f.load(I64, prepared).equals(seen >> 32).equals(0)):
                    f.call("prepare", pool, thread)
                    f.store(seen >> 32, prepared)
                first = f.load(I64, pool + ITEMS) * (part + 1) // f.load(I64, pool + SHARES) - left
                f.call("compute", pool, thread, f.load(PTR, pool + ENTRY), first, taken)
                _publish(f, f.load(I64, finished) + taken, finished)


def _wait(f: Function, machine: Machine) -> None:
    """Until all items are done of a kernel that the caller began at some tick."""
    pool, spins, naps, start = f["pool"], f.scratch(8), f.scratch(8), _ticks(f, machine)
    threads, first = f.load(I64, pool + THREADS), pool + (BERTHS + FINISHED)
    f.store(f.value(I64, 0), spins)
    f.store(f.value(I64, 0), naps)
    with f.forever() as leave:
        (done,) = f.fold(threads, [f.value(I64, 0)], lambda i, sums: [sums[0] + f.look(first + i * BERTH)])
        leave(done.equals(f.load(I64, pool + WANTED)))
        with f.when(_patient(f, machine, spins).equals(0)):
            _nap(f, pool + NAP_TIME)
            _add(f, naps, 1)
    napped, end = f.load(I64, naps), _ticks(f, machine)
    lost = end - start
    _add(f, pool + LOST, napped)
    with f.when(f.value(I64, TOLERABLE).below(napped)), f.when((start - f["began"]).below(lost * 3)):
        with f.when((start - f.load(I64, pool + HELD)).below(lost * SOON)):
            f.store(end + lost * CAUTION, pool + REST)
        f.store(end, pool + HELD)


def _serve(f: Function, machine: Machine) -> None:
    """Work whenever something is opened; return when nothing was for a while, and no run is going on.

    In a run the next kernel is near, also where the caller does one or two alone; and nobody wakes helpers in between.
    """
    pool, me = f["pool"], f["pool"] + BERTHS + f["thread"] * BERTH
    seen, spins, naps, tired = (f.scratch(8) for _ in range(4))
    for place in (seen, spins, naps, tired):
        f.store(f.value(I64, 0), place)
    with f.forever() as leave:
        leave(f.load(I64, tired).equals(1))
        number = f.look(me + TICKET) >> 32
        known = number.equals(f.load(I64, seen))
        with f.when(known.equals(0)):
            f.store(number, seen)
            f.store(f.value(I64, 0), spins)
            f.store(f.value(I64, 0), naps)
            f.call("work", pool, f["thread"])
        with f.when(known), f.when(_patient(f, machine, spins).equals(0)):
            long = f.value(I64, LINGER).below(_add(f, naps, 1))
            going = f.look(pool + GOING).equals(1)
            _nap(f, f.choose(long & going, pool + LONG_NAP, pool + NAP_TIME))
            with f.when(long & going.equals(0)):
                _fall_asleep(f, me, number, tired)


def _fall_asleep(f: Function, me: Value, number: Value, tired: Value) -> None:
    """Say so first, then look once more: the caller writes the ticket first, then asks. So one of us notices."""
    f.atomic("xchg", me + STATUS, ASLEEP)
    still = (f.look(me + TICKET) >> 32).equals(number)
    with f.when(still):
        f.store(f.value(I64, 1), tired)
    with f.when(still.equals(0)):
        status = f.swap_if(me + STATUS, ASLEEP, AWAKE)
        with f.when(status.equals(AWAKE)):  # the caller saw us asleep and is about to wake us
            f.store(f.value(I64, 1), tired)


def _patient(f: Function, machine: Machine, spins: Value) -> Value:
    """Pause for a moment; whether it is still worth while."""
    if machine.pause == ISB:
        f.module.declare(f"declare void @{ISB}(i32)")
        f.call(ISB, f.value(I32, 15))
    elif machine.pause:
        f.module.declare(f"declare void @{machine.pause}()")
        f.call(machine.pause)
    return _add(f, spins, 1).below(PATIENCE)


def _ticks(f: Function, machine: Machine) -> Value:
    """What the CPU's clock shows; where it has none for us, time stands still and nobody rests."""
    return f.intrinsic(machine.clock, I64) if machine.clock else f.value(I64, 0)


def _publish(f: Function, number: Value, place: Value) -> None:
    """Write what others look at, after all that was written before."""
    f.line(f"store atomic {number}, {place} release, align 8")


def _nap(f: Function, time: Value) -> None:
    f.call(f.load(PTR, f["pool"] + NAP), f.load(I64, time), f.value(I64, 0))


def _add(f: Function, place: Value, more: Value | int) -> Value:
    total = f.load(I64, place) + more
    f.store(total, place)
    return total
