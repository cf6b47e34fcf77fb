-- The line of one app in one worker: first come, first out.
--
-- Everybody in line sleeps on a semaphore of their own. One of them, the leader, looks every
-- few milliseconds whether the gate has changed; any event may let the line go. There is no
-- timer of nginx's own, so a line also drains in a worker that is shutting down (nginx runs
-- no Lua timers there).
--
-- Its nodes, one for each request, lie in a queue (queue.lua).
--
-- A request that ends, for whatever reason, comes to nginx's log phase, and that tells the
-- line (`over`): so a client that hangs up leaves at once. Where nginx does not notice, the
-- leader does a little later, and whose turn has come is asked once more before it goes.

local semaphore = require "ngx.semaphore"
local board = require "holdfast.board"
local client = require "holdfast.client"
local flights = require "holdfast.flights"
local gates = require "holdfast.gates"
local probe = require "holdfast.probe"
local queue = require "holdfast.queue"

local clock = board.clock
local max, min = math.max, math.min

local _M = {}

local POLL = 0.005          -- seconds between two looks of the leader
local POLL_SHARED = 0.001   -- the same while the line drains and another worker may go first
local SWEEP = 1             -- seconds between two searches for clients that hung up unnoticed
local PROBE = 0.03          -- seconds between two questions whether the target answers again
local WINDOW = 0.005        -- with several workers: nobody goes before one that came so much earlier
local MOST_IN_FLIGHT = 512  -- the pace grows up to here

local lines = {}

-- Have a line publish itself in its app's cell; it is another one after the app was removed
-- and configured again.
local function bind(line, app)
    if line.cell and line.cell ~= app.cell then
        for _, field in ipairs({ board.WAITING, board.HEAD, board.PACE, board.DOWN }) do
            board.set(line.cell + field, 0)
        end
    end
    line.cell = app.cell
end

local function line_of(app)
    local line = lines[app.name]
    if not line then
        line = queue.new(app.name)
        lines[app.name] = line
    end
    bind(line, app)
    return line
end

local function publish(line)
    local node = line.nodes[line.front]
    board.set(line.cell + board.WAITING, line.count)
    board.set(line.cell + board.HEAD, node and node.arrived or 0)
    board.set(line.cell + board.PACE, line.pace or 0)
    board.beat(clock())
end

local function wake(node)
    if node.asleep then
        node.sem:post(1)
    end
end

-- See to it that somebody who waits is the leader: the last, who will be it longest.
local function appoint(line)
    local leader = line.leader
    if leader and leader.place and leader.place >= line.first then
        return
    end
    leader = line.count > 0 and line.nodes[line.last] or nil
    line.leader = leader
    if leader then
        wake(leader)
    end
end

local function dismiss(line, node, outcome)
    node.outcome = outcome
    queue.remove(line, node)
    wake(node)
end

-- Send everybody who waits away with an answer.
local function turn_away(line, outcome)
    while line.count > 0 do
        dismiss(line, line.nodes[line.first], outcome)
    end
end

local function sweep(line)
    client.each_gone(line.nodes, line.first, line.last, function(node)
        dismiss(line, node, "left")
    end)
end

-- Whether no other worker has somebody who must go before this node.
local function first_of_all(app, node)
    if board.alone() then
        return true
    end
    local elsewhere = board.earliest_elsewhere(app.index)
    return not elsewhere or node.arrived <= elsewhere + WINDOW
end

-- Let go as many as there is room for. Each is counted to the app's slot at this moment, not
-- when it wakes up, so that the pace is exact and a drain misses nobody.
local function release(line, app)
    line.pace = line.pace or app.pace
    board.set(line.cell + board.PACE, line.pace)
    local room = board.greatest(app.index, board.PACE)
        - board.sum(app.index, board.IN_FLIGHT + app.slot)
    while room > 0 and line.count > 0 do
        local node = line.nodes[line.first]
        if not first_of_all(app, node) or not gates.enter(app) then
            break
        end
        node.outcome = "go"
        node.app = app
        queue.advance(line)
        wake(node)
        room = room - 1
    end
end

-- Do what the gate means now to the line.
local function pump(line)
    gates.refresh()
    local app = gates.apps[line.name]
    local mode = app and gates.effective(app)
    if app then
        bind(line, app)
    end
    if not app or mode == "open" and not app.slot then
        turn_away(line, "gone")
    elseif mode == "maintenance" then
        turn_away(line, "maintenance")
    elseif mode == "open" and not line.down then
        release(line, app)
    end
    if line.count == 0 or mode ~= "open" then
        line.pace, line.best = nil, nil
    end
    appoint(line)
    publish(line)
    return app, mode
end

--- The gate may have changed: do what it means now to all lines of this worker.
function _M.pump_all()
    for _, line in pairs(lines) do
        if line.count > 0 then
            pump(line)
        end
    end
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
        if seconds <= 1.5 * line.best + 0.01 then
            line.pace = min(line.pace + 1, MOST_IN_FLIGHT)
        else
            line.pace = max(line.pace - 1, app.pace)
        end
    end
    pump(line)
end

--- Whether requests of this worker wait for the app.
function _M.waiting(app)
    local line = lines[app.name]
    return line ~= nil and line.count > 0
end

--- Whether a new request must go to the end of a line, here or in another worker.
function _M.busy(app)
    local line = lines[app.name]
    if line and (line.front <= line.last or line.down) then
        return true
    end
    return not board.alone() and board.earliest_elsewhere(app.index) ~= nil
end

local function set_down(line, address)
    line.down = address
    line.pace, line.best = nil, nil
    board.set(line.cell + board.DOWN, address and 1 or 0)
end

--- The app's target does not take connections.
-- Those who were let go with the one that has found out need not try for themselves, nor may
-- they by chance get in before that one.
function _M.down(app)
    local line = line_of(app)
    set_down(line, app.address)
    queue.recall(line, function(node)
        gates.exit(node.app)
        node.app, node.outcome = nil, nil
    end)
end

-- One look of the leader; how long it may sleep then.
local function look(line)
    local now = clock()
    if now > (line.swept or 0) + SWEEP then
        line.swept = now
        sweep(line)
    end
    flights.settle()    -- what takes long leaves room for others
    local app, mode = pump(line)
    if not app or mode ~= "open" then
        return POLL
    elseif not line.down then
        return board.alone() and POLL or POLL_SHARED
    elseif line.down ~= app.address or probe.answers(app) then
        set_down(line, nil)
        pump(line)
        return POLL_SHARED
    end
    return PROBE
end

local function sleep(node, seconds)
    node.asleep = true
    node.sem:wait(max(seconds, 0.001))
    node.asleep = false
end

-- Wait until it is decided what becomes of the request.
local function decided(line, node, deadline)
    while true do
        local nap = line.leader == node and look(line)
        if node.outcome then
            return node.outcome
        end
        local left = deadline - clock()
        if left <= 0 then
            return "timeout"
        end
        sleep(node, nap and line.leader == node and min(nap, left) or left)
    end
end

-- One that was awake already when it was let go would overtake those who have yet to wake.
local function await_turn(line, node)
    while node.outcome == "go" and line.nodes[line.front] ~= node do
        -- Not 0: nginx would come back here before it wakes the others.
        ngx.sleep(0.001)
    end
end

--- A place for a request that comes now.
function _M.node()
    local fd = client.socket()
    return {
        sem = semaphore.new(0),
        fd = fd,
        number = queue.number(),
        arrived = clock() - client.since(fd),
        tries = 0,
    }
end

--- Wait in line until it is this request's turn.
--
-- back: whether it comes back, because its target could not be reached.
-- Returns "go" (through the gate `node.app`, to whose slot it is counted), "maintenance",
-- "full" (several workers may let in a few more than max_line), "timeout", "gone" (the app was
-- removed, or has no target), or "left": its client has hung up.
function _M.wait(app, node, back)
    local line = line_of(app)
    if not back and board.sum(app.index, board.WAITING) >= app.max_line then
        return "full"
    end
    node.outcome = nil
    node.line = line
    if back then
        queue.insert(line, node)
    else
        queue.append(line, node)
    end
    appoint(line)
    publish(line)
    local outcome
    repeat
        outcome = decided(line, node, node.arrived + app.max_wait)
        if outcome == "go" then
            await_turn(line, node)
        end
    until outcome == node.outcome or outcome == "timeout"   -- else it was called back
    _M.over(node)
    return outcome
end

--- The node's request waits no longer: its turn has come, or it has ended.
function _M.over(node)
    local line = node.line
    if not line then
        return
    end
    node.line = nil
    if node.place then
        queue.remove(line, node)
    end
    if line.front == line.first and line.count > 0 then
        pump(line)      -- the last of those let go is awake: the next may go
    else
        appoint(line)
        publish(line)
    end
end

return _M
