-- The line of one app in one worker: first come, first out.
--
-- Everybody in line sleeps on a semaphore of their own. The head is the leader: it alone
-- looks, every few milliseconds, whether the gate has changed, and lets the line go. There
-- is no timer, so a line also drains in a worker that is shutting down (nginx runs no timers
-- there). A client that hangs up ends its request's coroutine; then nobody waits on its
-- semaphore any more, and that is how the line knows.

local semaphore = require "ngx.semaphore"
local board = require "holdfast.board"
local gates = require "holdfast.gates"

local max, min = math.max, math.min

local _M = {}

local POLL = 0.005          -- seconds between two looks of the leader while requests are held
local POLL_DRAINING = 0.001 -- the same while the line drains and another worker may go first
local SLICE = 3             -- seconds after which a follower looks whether it has a leader
local SWEEP = 0.25          -- seconds between two counts of those who hung up
local WINDOW = 0.015        -- with several workers: nobody goes before one that came so much earlier
local STALE = 1             -- seconds after which a worker that does not move is not waited for
local AWAKE = 2             -- seconds that a look takes at most (a probe's time-outs are part of it)
local MOST_IN_FLIGHT = 512  -- the pace grows up to here

local lines = {}

local function line_of(name)
    local line = lines[name]
    if not line then
        line = { first = 1, last = 0, count = 0, nodes = {}, released = 0 }
        lines[name] = line
    end
    return line
end

-- The request behind a node is gone when nobody sleeps on its semaphore, unless it is just
-- awake: a coroutine that runs, or is about to, has `awake` set to when that ends at latest.
local function gone(node)
    return node.sem:count() >= 0 and ngx.now() >= node.awake
end

local function sleep(node, seconds)
    node.awake = 0
    node.sem:wait(seconds)
    node.awake = ngx.now() + AWAKE
end

local function wake(node)
    node.awake = ngx.now() + AWAKE
    node.sem:post(1)
end

local function publish(app, line)
    local node = line.nodes[line.first]
    board.set(app.cell + board.WAITING, line.count)
    board.set(app.cell + board.HEAD, node and node.arrived or 0)
end

-- Drop places at the front that are empty or whose client hung up.
local function trim(line)
    local nodes = line.nodes
    while line.first <= line.last do
        local node = nodes[line.first]
        if node and not gone(node) then
            return node
        end
        if node then
            node.left = true
            line.count = line.count - 1
        end
        nodes[line.first] = nil
        line.first = line.first + 1
    end
    line.first, line.last, line.count = 1, 0, 0
    return nil
end

local function sweep(line)
    local nodes = line.nodes
    for place = line.first, line.last do
        local node = nodes[place]
        if node and gone(node) then
            node.left = true
            nodes[place] = nil
            line.count = line.count - 1
        end
    end
end

local function append(line, node)
    line.last = line.last + 1
    line.nodes[line.last] = node
    line.count = line.count + 1
end

-- A request whose target did not answer goes back to where it stood: by its time of arrival.
local function insert(line, node)
    local nodes = line.nodes
    local place = line.first
    while place <= line.last do
        local other = nodes[place]
        if other and other.arrived > node.arrived then
            break
        end
        place = place + 1
    end
    if place > line.last then
        return append(line, node)
    end
    -- Few stand before it, so they move one place forward; the many behind it stay.
    for i = line.first, place - 1 do
        nodes[i - 1] = nodes[i]
    end
    nodes[place - 1] = node
    line.first = line.first - 1
    line.count = line.count + 1
end

local function remove(line, node)
    for place = line.first, line.last do
        if line.nodes[place] == node then
            line.nodes[place] = nil
            line.count = line.count - 1
            break
        end
    end
    node.left = true
end

local function in_flight(app)
    return board.sum(app.index, board.IN_FLIGHT + app.slot)
end

-- Count a request to the app's slot at the moment it is let go, not when it wakes up, so
-- that the pace is exact.
local function let_go(app, line, node)
    line.nodes[line.first] = nil
    line.first = line.first + 1
    line.count = line.count - 1
    node.released = true
    node.slot = app.slot
    node.app = app
    board.add(app.cell + board.IN_FLIGHT + app.slot, 1)
    line.released = line.released + 1
    wake(node)
end

--- Let go whoever may go now.
function _M.pump(app)
    local line = lines[app.name]
    if not line or line.count == 0 then
        return
    end
    if gates.effective(app) ~= "open" or not app.slot then
        line.pace = nil
        if trim(line) then
            publish(app, line)
        end
        return
    end
    if line.down then
        return
    end
    line.pace = line.pace or app.pace
    local room = line.pace - in_flight(app)
    local latest
    while room > 0 do
        local node = trim(line)
        if not node then
            break
        end
        if latest == nil or node.arrived > latest then
            local elsewhere = board.earliest_elsewhere(app.index, ngx.now(), STALE)
            latest = elsewhere and elsewhere + WINDOW or math.huge
            if node.arrived > latest then
                break
            end
        end
        let_go(app, line, node)
        room = room - 1
    end
    local head = trim(line)
    if line.count == 0 then
        line.pace = nil
    elseif not head.leading then
        wake(head)      -- it leads from now on
    end
    publish(app, line)
end

--- A request has been answered: there may be room for the next, and the pace may grow.
-- It grows as long as answers come about as fast as the fastest of this drain.
function _M.answered(app, seconds)
    local line = lines[app.name]
    if not line or line.count == 0 then
        return
    end
    if line.pace and seconds then
        line.best = line.best and min(line.best, seconds) or seconds
        if seconds <= 2 * line.best + 0.01 then
            line.pace = min(line.pace + 1, MOST_IN_FLIGHT)
        else
            line.pace = max(line.pace - 1, app.pace)
        end
    end
    _M.pump(app)
end

--- Whether a new request must go to the end of a line, here or in another worker.
function _M.busy(app)
    local line = lines[app.name]
    if line and (line.count > 0 or line.down) then
        return true
    end
    return board.alone() == false and board.earliest_elsewhere(app.index, ngx.now(), STALE) ~= nil
end

--- The app's target does not answer (true), or answers again.
function _M.set_down(app, down)
    local line = line_of(app.name)
    line.down = down or nil
    board.set(app.cell + board.DOWN, down and 1 or 0)
end

-- Whether the target takes connections; asked by the leader alone while it is down.
local function answers(app)
    local socket = ngx.socket.tcp()
    socket:settimeouts(500, 500, 500)
    local ok
    if app.port then
        ok = socket:connect(app.host, app.port, { pool_size = 1 })
    else
        ok = socket:connect(app.address)
    end
    if ok then
        socket:close()
    end
    return ok
end

-- One look of the leader.
local function look(line, name)
    gates.refresh()
    local app = gates.apps[name]
    if not app then
        return nil
    end
    local now = ngx.now()
    board.beat(now)
    if now >= (line.swept or 0) + SWEEP then
        line.swept = now
        sweep(line)
        publish(app, line)
    end
    if line.down and gates.effective(app) == "open" and now >= (line.probed or 0) + 0.05 then
        line.probed = now
        if line.down_address ~= app.address or answers(app) then
            line.down_address = app.address
            _M.set_down(app, false)
        end
    end
    _M.pump(app)
    return app
end

local function hand_over(line)
    local head = trim(line)
    if head and not head.leading then
        wake(head)
    end
end

local function lead(line, node, name, deadline)
    node.leading = true
    line.leader = node
    -- A leader whose client hangs up must not take the line with it.
    ngx.on_abort(function()
        if not node.left and not node.released then
            remove(line, node)
            line.leader = nil
            hand_over(line)
        end
        ngx.exit(499)
    end)
    while not node.released do
        if not look(line, name) then
            return "gone"
        end
        if node.released then
            break
        end
        if ngx.now() >= deadline then
            return "timeout"
        end
        local app = gates.apps[name]
        local draining = app and gates.effective(app) == "open"
        sleep(node, draining and POLL_DRAINING or POLL)
    end
    return "released"
end

local function follow(line, node, name, deadline)
    while not node.released do
        local left = deadline - ngx.now()
        if left <= 0 then
            return "timeout"
        end
        sleep(node, min(left, SLICE))
        if not node.released then
            local leader = line.leader
            if not leader or leader.left or leader.released or gone(leader) then
                if trim(line) == node then
                    return lead(line, node, name, deadline)
                end
                hand_over(line)
            end
        end
    end
    return "released"
end

--- Wait in line until it is this request's turn.
--
-- arrived: when it came (seconds); a request that comes back has its old time.
-- back: whether it comes back, because its target could not be reached.
-- Returns its place, with the gate to go through (`app`) and the slot it is counted to; or nil
-- and "full", "timeout" or "gone" (the app was removed).
function _M.wait(app, arrived, back)
    local name = app.name
    local line = line_of(name)
    if not back and board.sum(app.index, board.WAITING) >= app.max_line then
        sweep(line)
        publish(app, line)
        if board.sum(app.index, board.WAITING) >= app.max_line then
            return nil, "full"
        end
    end
    local node = { sem = semaphore.new(0), arrived = arrived, awake = ngx.now() + AWAKE }
    ngx.ctx.node = node     -- the log phase counts it off also if it dies on its way
    if back then
        insert(line, node)
    else
        append(line, node)
    end
    publish(app, line)
    local deadline = arrived + app.max_wait
    local leader = line.leader
    local leaderless = not leader or leader.left or leader.released or gone(leader)
    local outcome
    if leaderless and trim(line) == node then
        outcome = lead(line, node, name, deadline)
    else
        outcome = follow(line, node, name, deadline)
    end
    if line.leader == node then
        line.leader = nil
    end
    if outcome == "released" then
        node.left = true
        return node
    end
    remove(line, node)
    hand_over(line)
    publish(gates.apps[name] or app, line)
    return nil, outcome
end

return _M
