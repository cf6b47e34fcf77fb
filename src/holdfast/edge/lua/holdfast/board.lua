-- The board: a small file mapped into every nginx worker, of every master (also the old one
-- of a binary upgrade, which shares no lua_shared_dict with the new one).
--
-- It is an array of doubles. Each worker writes only its own row, so no lock is needed: an
-- aligned store of eight bytes is whole on x86-64 and arm64. Rows of dead processes are
-- passed over, and taken by the next worker that starts. The header is written under a lock.
--
--   header   [1] generation of the gates  [2] rows in use  [3] live workers among them
--   row      [0] pid  [1] heartbeat (seconds)  [2] worker is exiting
--   cell     one app of one row: the line's pace, requests in flight and long-lived ones by
--            slot, the line's length, when its head arrived, whether the target does not answer
--
-- Times are those of the machine's monotonic clock, the same for all processes: whoever sets
-- the date changes no order and ends no wait.

local ffi = require "ffi"

ffi.cdef [[
int open(const char *path, int flags, ...);
int close(int fd);
int flock(int fd, int operation);
int kill(int pid, int sig);
int getpid(void);
void *mmap(void *addr, size_t length, int prot, int flags, int fd, long offset);
char *strerror(int errnum);
struct holdfast_time { long seconds; long nanoseconds; };
int clock_gettime(int clock, struct holdfast_time *time);
]]

local C = ffi.C

local _M = {
    ROWS = 64,
    APPS = 256,
    PACE = 0,
    IN_FLIGHT = 0,     -- + slot (1 or 2)
    LONG = 2,          -- + slot
    WAITING = 5,
    HEAD = 6,
    DOWN = 7,
}

local HEADER = 16
local ROW_HEADER = 8
local CELL = 8
local ROW = ROW_HEADER + _M.APPS * CELL
local ESRCH = 3
local O_RDWR = 2
local LOCK_EX = 2
local PROT_READ_WRITE, MAP_SHARED = 3, 1
local CLOCK_MONOTONIC = 1
local STALE = 1        -- seconds after which a worker that does not move is not waited for

_M.SIZE = (HEADER + _M.ROWS * ROW) * 8

local board          -- double *
local mine           -- index of our row's first double
local path
local time = ffi.new("struct holdfast_time")

local function row_start(row)
    return HEADER + row * ROW
end

local function alive(pid)
    return C.kill(pid, 0) == 0 or ffi.errno() ~= ESRCH
end

--- Seconds of the monotonic clock.
function _M.clock()
    C.clock_gettime(CLOCK_MONOTONIC, time)
    return tonumber(time.seconds) + tonumber(time.nanoseconds) * 1e-9
end

--- Map the file; called in the master, before it forks.
function _M.open(file)
    path = file
    local fd = C.open(file, O_RDWR)
    if fd < 0 then
        return nil, file .. ": " .. ffi.string(C.strerror(ffi.errno()))
    end
    local address = C.mmap(nil, _M.SIZE, PROT_READ_WRITE, MAP_SHARED, fd, 0)
    C.close(fd)
    if ffi.cast("intptr_t", address) == -1 then
        return nil, file .. ": mmap: " .. ffi.string(C.strerror(ffi.errno()))
    end
    board = ffi.cast("double *", address)
    return true
end

--- Call a function while no other process is in one of its own; microseconds.
function _M.locked(work)
    local fd = C.open(path, O_RDWR)
    if fd >= 0 then
        C.flock(fd, LOCK_EX)
    end
    local ok, err = pcall(work)
    if fd >= 0 then
        C.close(fd)     -- that unlocks
    end
    if not ok then
        error(err, 0)
    end
end

-- Empty the rows of the dead, and count the others.
local function count_rows()
    local last, live = 0, 0
    for row = 0, board[2] - 1 do
        local at = row_start(row)
        local pid = board[at]
        if pid ~= 0 and alive(pid) then
            last, live = row + 1, live + 1
        elseif pid ~= 0 then
            ffi.fill(board + at, ROW * 8)
        end
    end
    board[2], board[3] = last, live
end

--- Forget the workers that have ended.
function _M.tidy()
    _M.locked(count_rows)
end

--- Take a row for this worker; called once in each.
function _M.claim()
    _M.locked(function()
        count_rows()
        for row = 0, _M.ROWS - 1 do
            local at = row_start(row)
            if board[at] == 0 then
                ffi.fill(board + at, ROW * 8)
                board[at] = C.getpid()
                board[2] = math.max(board[2], row + 1)
                board[3] = board[3] + 1
                mine = at
                return
            end
        end
    end)
    if not mine then
        return nil, "more than " .. _M.ROWS .. " nginx workers"
    end
    return true
end

--- Whether no other worker has a row.
function _M.alone()
    return board[3] == 1
end

function _M.generation()
    return board[1]
end

--- Only under `locked`.
function _M.set_generation(value)
    board[1] = value
end

--- Where the cell of an app begins in our row; add a field's number to it.
function _M.cell(app)
    return mine + ROW_HEADER + app * CELL
end

function _M.get(index)
    return board[index]
end

function _M.set(index, value)
    board[index] = value
end

function _M.add(index, value)
    board[index] = board[index] + value
end

--- This worker moves: others need not pass it over.
function _M.beat(now)
    board[mine + 1] = now
end

--- This worker takes no new connections any more.
function _M.set_exiting()
    board[mine + 2] = 1
end

-- The cells of one app's field with a value in them: in each live worker's row.
local function each(app, field, use)
    for row = 0, board[2] - 1 do
        local at = row_start(row)
        local pid = board[at]
        local value = pid ~= 0 and board[at + ROW_HEADER + app * CELL + field] or 0
        if value ~= 0 and (at == mine or alive(pid)) then
            use(value, at)
        end
    end
end

--- Sum one field of an app over all live workers.
function _M.sum(app, field)
    if board[3] == 1 then
        return board[mine + ROW_HEADER + app * CELL + field]
    end
    local total = 0
    each(app, field, function(value) total = total + value end)
    return total
end

--- The greatest value that a live worker has in one field of an app; 0 if none has any.
function _M.greatest(app, field)
    if board[3] == 1 then
        return board[mine + ROW_HEADER + app * CELL + field]
    end
    local greatest = 0
    each(app, field, function(value) greatest = math.max(greatest, value) end)
    return greatest
end

--- When the earliest of those arrived who wait with another live worker, or nil.
-- A worker that has not moved for a second does not keep the others waiting.
function _M.earliest_elsewhere(app)
    local earliest
    for row = 0, board[2] - 1 do
        local at = row_start(row)
        local pid = board[at]
        if pid ~= 0 and at ~= mine then
            local head = board[at + ROW_HEADER + app * CELL + _M.HEAD]
            if head ~= 0 and (not earliest or head < earliest)
                and _M.clock() - board[at + 1] < STALE and alive(pid) then
                earliest = head
            end
        end
    end
    return earliest
end

--- The earliest head of all lines of an app, or nil.
function _M.earliest(app)
    local earliest
    each(app, _M.HEAD, function(head)
        if not earliest or head < earliest then
            earliest = head
        end
    end)
    return earliest
end

--- Live workers: pid, whether exiting.
function _M.workers()
    local found = {}
    for row = 0, board[2] - 1 do
        local at = row_start(row)
        local pid = board[at]
        if pid ~= 0 and alive(pid) then
            found[#found + 1] = { pid = pid, exiting = board[at + 2] == 1 }
        end
    end
    return found
end

return _M
