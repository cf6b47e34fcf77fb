-- The line of one app in one worker: first come, first out.
--
-- Everybody in line sleeps on a semaphore of their own. One of them, the leader, looks every
-- few milliseconds whether the gate has changed; any event may let the line go. There is no
-- timer of nginx's own, so a line also drains in a worker that is shutting down (nginx runs
-- no Lua timers there).
--
-- A node is a request's place. The line's nodes lie in three parts, in the order of arrival:
--
--   nodes[front .. first - 1]   let go, but not awake yet: they call the app within this turn
--                               of nginx's event loop, and nobody may overtake them
--   nodes[first .. last]        waiting; places of those who left are nil
--
-- A request that ends, for whatever reason, comes to nginx's log phase, and that tells the
-- line (`over`): so a client that hangs up leaves at once. Where nginx does not notice, the
-- leader does a little later, and whose turn has come is asked once more before it goes.

local semaphore = require "ngx.semaphore"
local board = require "holdfast.board"
local client = require "holdfast.client"
local gates = require "holdfast.gates"
local probe = require "holdfast.probe"

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
        line = { name = app.name, nodes = {}, front = 1, first = 1, last = 0, count = 0 }
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

-- Move the line's marks past empty places.
local function close_up(line)
    local nodes, last = line.nodes, line.last
    while line.front <= last and not nodes[line.front] do
        line.front = line.front + 1
    end
    line.first = max(line.first, line.front)
    while line.first <= last and not nodes[line.first] do
        line.first = line.first + 1
    end
    while last >= line.first and not nodes[last] do
        last = last - 1
    end
    line.last = last
    if line.front > last then
        line.front, line.first, line.last = 1, 1, 0
    end
end

local function append(line, node)
    local last = line.nodes[line.last]
    if last then
        node.arrived = max(node.arrived, last.arrived)  -- the kernel's clock is coarser than its order
    end
    line.last = line.last + 1
    line.nodes[line.last] = node
    node.place = line.last
    line.count = line.count + 1
end

-- A request whose target did not answer goes back to where it stood: by its time of arrival.
local function insert(line, node)
    local nodes = line.nodes
    local place = line.first
    while place <= line.last and (not nodes[place] or nodes[place].arrived <= node.arrived) do
        place = place + 1
    end
    if place > line.last then
        return append(line, node)
    end
    -- Few stand before it, so they move one place forward; the many behind it stay.
    for i = line.front, place - 1 do
        local other = nodes[i]
        nodes[i - 1] = other
        if other then
            other.place = i - 1
        end
    end
    nodes[place - 1] = node
    node.place = place - 1
    line.front = line.front - 1
    line.first = line.first - 1
    line.count = line.count + 1
end

local function remove(line, node)
    line.nodes[node.place] = nil
    if node.place >= line.first then
        line.count = line.count - 1
    end
    node.place = nil
    close_up(line)
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
    remove(line, node)
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
        line.first = line.first + 1
        line.count = line.count - 1
        wake(node)
        close_up(line)
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
function _M.down(app)
    set_down(line_of(app), app.address)
end

-- One look of the leader; how long it may sleep then.
local function look(line)
    local now = clock()
    if now > (line.swept or 0) + SWEEP then
        line.swept = now
        sweep(line)
    end
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
    while node.place and line.nodes[line.front] ~= node do
        -- Not 0: nginx would come back here before it wakes the others.
        ngx.sleep(0.001)
    end
end

-- One that was let go with others, the first of whom has found that nobody listens, need not
-- try for itself, nor by chance get in before that one.
local function put_back(line, node)
    if not line.down then
        return false
    end
    gates.exit(node.app)
    node.app, node.outcome = nil, nil
    remove(line, node)
    insert(line, node)
    appoint(line)
    publish(line)
    return true
end

--- A place for a request that comes now.
function _M.node()
    local fd = client.socket()
    return { sem = semaphore.new(0), fd = fd, arrived = clock() - client.since(fd), tries = 0 }
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
        insert(line, node)
    else
        append(line, node)
    end
    appoint(line)
    publish(line)
    local outcome
    repeat
        outcome = decided(line, node, node.arrived + app.max_wait)
        if outcome == "go" then
            await_turn(line, node)
        end
    until outcome ~= "go" or not put_back(line, node)
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
        remove(line, node)
    end
    if line.front == line.first and line.count > 0 then
        pump(line)      -- the last of those let go is awake: the next may go
    else
        appoint(line)
        publish(line)
    end
end

return _M
