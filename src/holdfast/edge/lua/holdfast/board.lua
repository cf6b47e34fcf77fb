-- The board: a small file mapped into every nginx worker, of every master (also the old one
-- of a binary upgrade, which shares no lua_shared_dict with the new one).
--
-- It is an array of doubles. Each worker writes only its own row, so no lock is needed: an
-- aligned store of eight bytes is whole on x86-64 and arm64. Rows of dead processes are
-- passed over, and taken by the next worker that starts.
--
--   header   [1] generation of the gates  [2] rows that were ever taken
--   row      [0] pid  [1] heartbeat (seconds)  [2] worker is exiting
--   cell     one app of one row: requests in flight and long-lived ones by slot, the line's
--            length, when its head arrived, whether the target does not answer

local ffi = require "ffi"
local bit = require "bit"

ffi.cdef [[
int open(const char *path, int flags, ...);
int close(int fd);
int flock(int fd, int operation);
int kill(int pid, int sig);
int getpid(void);
void *mmap(void *addr, size_t length, int prot, int flags, int fd, long offset);
char *strerror(int errnum);
]]

local C = ffi.C

local _M = {
    ROWS = 64,
    APPS = 256,
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
local LOCK_EX, LOCK_UN = 2, 8
local PROT_READ_WRITE, MAP_SHARED = 3, 1

_M.SIZE = (HEADER + _M.ROWS * ROW) * 8

local board          -- double *
local mine           -- index of our row's first double
local path

local function row_start(row)
    return HEADER + row * ROW
end

local function alive(pid)
    return C.kill(pid, 0) == 0 or ffi.errno() ~= ESRCH
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

--- Take a row for this worker; called once in each.
function _M.claim()
    local fd = C.open(path, O_RDWR)
    if fd >= 0 then
        C.flock(fd, LOCK_EX)
    end
    local found
    for row = 0, _M.ROWS - 1 do
        local at = row_start(row)
        local pid = board[at]
        if pid == 0 or not alive(pid) then
            for cell = at, at + ROW - 1 do
                board[cell] = 0
            end
            board[at] = C.getpid()
            if row >= board[2] then
                board[2] = row + 1
            end
            found = at
            break
        end
    end
    if fd >= 0 then
        C.flock(fd, LOCK_UN)
        C.close(fd)
    end
    if not found then
        return nil, "more than " .. _M.ROWS .. " nginx workers"
    end
    mine = found
    return true
end

--- Whether no other worker has a row.
function _M.alone()
    return board[2] == 1
end

function _M.generation()
    return board[1]
end

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

--- Sum one field of an app over all live workers.
function _M.sum(app, field)
    local total = 0
    for row = 0, board[2] - 1 do
        local at = row_start(row)
        local pid = board[at]
        if pid ~= 0 then
            local value = board[at + ROW_HEADER + app * CELL + field]
            if value ~= 0 and alive(pid) then
                total = total + value
            end
        end
    end
    return total
end

--- When the earliest request that waits with another live worker arrived, or nil.
-- A worker that has not moved for `stale` seconds does not keep the others waiting.
function _M.earliest_elsewhere(app, now, stale)
    local earliest
    for row = 0, board[2] - 1 do
        local at = row_start(row)
        local pid = board[at]
        if pid ~= 0 and at ~= mine then
            local cell = at + ROW_HEADER + app * CELL
            local head = board[cell + _M.HEAD]
            if head ~= 0 and (not earliest or head < earliest)
                and now - board[at + 1] < stale and alive(pid) then
                earliest = head
            end
        end
    end
    return earliest
end

--- The earliest head of all lines of an app, or nil.
function _M.earliest(app)
    local earliest
    for row = 0, board[2] - 1 do
        local at = row_start(row)
        local pid = board[at]
        local head = pid ~= 0 and board[at + ROW_HEADER + app * CELL + _M.HEAD] or 0
        if head ~= 0 and (not earliest or head < earliest) and alive(pid) then
            earliest = head
        end
    end
    return earliest
end

--- Live workers: pid, heartbeat, whether exiting.
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
