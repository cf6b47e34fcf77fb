-- The gate: what happens to a request before it reaches the app, and after.
--
-- A request of an open gate is counted to its slot and sent on, in the balancer; that is the fast
-- path, a few memory operations. Where it might have to wait it asks in the access phase, which
-- can; so does one that may change something, because it is rarer and has a body. Which of the
-- two is decided when it arrives, and is a matter of cost alone: the answer is the same. Asking
-- in the balancer saves 5 % of a request's instructions, but nginx has made the request to the app by
-- then: one that is refused there and goes into the line costs 4 kB more while it waits.

local balancer = require "ngx.balancer"
local board = require "holdfast.board"
local client = require "holdfast.client"
local flights = require "holdfast.flights"
local gates = require "holdfast.gates"
local line = require "holdfast.line"
local pages = require "holdfast.pages"
local request_id = require "holdfast.request_id"

local _M = {}

local set_current_peer = balancer.set_current_peer
local get_method, read_body = ngx.req.get_method, ngx.req.read_body
local serving, this, land = flights.serving, flights.this, flights.land

-- What may pass without asking first (RFC 9110, 9.2.1, less TRACE).
local SAFE = { GET = true, HEAD = true, OPTIONS = true }
local FOREVER = 1e6         -- seconds
local TIDY = 5              -- seconds between two looks for workers that have ended
local SETTLE = 0.05         -- seconds between two looks for what takes long, for other workers
local MOST_TRIES = 6        -- nginx allows ten internal redirects a request
-- A request leaves 250 bytes of garbage, and a worker has 400 kB that are none: collected when that
-- has doubled, as is the default, all of it is walked each 1,600 requests; 430 instructions a
-- request, and 12 lines of cache that nginx wanted (callgrind). Four times as much is 1.6 MB.
local PAUSE = 400           -- percent

local places = {}           -- request -> its node, from its first wait in line to its end
local shown = {}            -- request -> the gate that its line in the log names, if it counts no more

--- In the master, before it forks.
function _M.init(directory)
    local ok, err = board.open(directory .. "/run/board")
    if not ok then
        error("holdfast: the board cannot be opened: " .. err)
    end
    gates.init(directory .. "/gates.json")
    pages.load(directory .. "/pages")
end

--- In each worker, before its first request.
function _M.init_worker()
    local ok, err = board.claim()
    if not ok then
        ngx.log(ngx.EMERG, "holdfast: ", err)
        return
    end
    request_id.init_worker()
    collectgarbage("setpause", PAUSE)
    ok, err = gates.reread()
    if not ok then
        ngx.log(ngx.ERR, "holdfast: gates not read: ", err)
    end
    -- After a reload the old worker is remembered as long as nobody asks for counts.
    ngx.timer.every(TIDY, function(premature)
        if not premature and not board.alone() then
            board.tidy()
        end
    end)
    if ngx.worker.count() > 1 then
        ngx.timer.every(SETTLE, flights.settle)
    end
    -- nginx runs what is left of the timers the moment a worker begins to shut down.
    ngx.timer.at(FOREVER, function(premature)
        if premature then
            board.set_exiting()
            while next(serving) do
                flights.settle()
                ngx.sleep(SETTLE)
            end
        end
    end)
end

-- Send the request, counted already, to the app.
local function go(request, app)
    serving[request] = app
end

-- Of the request an answer has come or never will, and nginx is still going to answer it.
local function give_up(request)
    local app = land(request)
    if app then
        shown[request] = app
        line.answered(app)
    end
end

-- Wait for the request's turn, or answer it.
local function wait(request, app, back)
    local node = places[request] or line.node()
    places[request] = node
    local began = board.clock()
    local outcome = line.wait(app, node, back)
    node.waited = board.clock() - began
    if outcome == "left" or client.gone(node.fd) then
        return ngx.exit(499)    -- the log phase counts it off
    elseif outcome == "go" then
        app, node.app = node.app, nil
        return go(request, app)
    end
    app = gates.apps[app.name]
    if outcome ~= "maintenance" or not app then
        return pages.send(503, app, outcome)
    elseif not gates.allowed(app, ngx.var.binary_remote_addr) then
        return pages.send_maintenance(app)
    elseif app.slot and gates.enter(app) then
        return go(request, app)
    end
    return pages.send(503, app, "gone")
end

local function slow(request, name)
    gates.refresh()
    local app = gates.apps[name]
    if not app then
        return pages.send(503, nil, "gone")
    end
    local effective = gates.effective(app)
    if effective == "maintenance" and not gates.allowed(app, ngx.var.binary_remote_addr) then
        return pages.send_maintenance(app)
    elseif effective ~= "hold" and not app.slot then
        return pages.send(503, app, "gone")
    elseif effective ~= "hold" and not line.busy(app) and gates.enter(app) then
        return go(request, app)
    end
    return wait(request, app, false)
end

-- Count a request through the gate if that is open, knows no line, and has not changed meanwhile.
local function enter(name)
    local app = gates.apps[name]
    if app and app.open and not line.busy(app) and gates.enter(app) then
        return app
    end
end

--- The rewrite phase: the id of a request that need not ask the gate before the balancer does, else
-- "". (One variable for both, because each costs time.)
function _M.arrive(name)
    local app = gates.apps[name]
    if app and app.open and not line.busy(app) and gates.fresh() and SAFE[get_method()] then
        return request_id.next()
    end
    return ""
end

--- The access phase of a request that asks there.
--
-- A body is read before the gate is asked: an upload on its way is no request in flight, and
-- one that arrives while the gate holds is whole when its turn comes. (Before the balancer nginx
-- has read it in any case.)
function _M.access(name)
    local var = ngx.var
    if var.hf_request_id == "" then
        var.hf_request_id = request_id.next()
    end
    local method = get_method()
    if method ~= "GET" and method ~= "HEAD" then
        read_body()
    end
    local request = this()
    local app = enter(name)
    if app then
        return go(request, app)
    end
    return slow(request, name)
end

-- Whether any byte of the last try may have reached the app.
local function reached(var)
    local connected = (var.upstream_connect_time or "-"):match("([^%s,:]+)$") ~= "-"
    local sent = tonumber((var.upstream_bytes_sent or "0"):match("(%d+)$")) or 0
    return connected and sent > 0
end

--- The access phase of a request whose answer was 502 (nginx's own): the balancer refused it, or
-- its target did not take it.
--
-- If no byte of it ever reached the app it goes back to its place in line; else it is
-- answered: it may have been acted on, and is never sent twice.
function _M.again(name)
    local request = this()
    if reached(ngx.var) then
        give_up(request)
        return pages.send(502, gates.apps[name])
    elseif not serving[request] then
        return ngx.exec("@hf_ask")      -- refused: on a kept connection like all others
    end
    local app = land(request)
    line.down(app)
    local node = places[request] or line.node()
    places[request] = node
    node.tries = node.tries + 1
    if node.tries > MOST_TRIES then
        return pages.send(503, app, "timeout")
    end
    return wait(request, app, true)
end

--- A request that nginx itself answers, counted or not yet: too large, or too slow.
function _M.failed(status, name)
    give_up(this())
    return pages.send(status, gates.apps[name])
end

-- The gate of a request that has not asked yet, counted to its slot.
local function late(request, name)
    local app = enter(name)
    if not app then
        gates.refresh()     -- more often than not another release serves, and the gate is open
        app = enter(name)
    end
    if app then
        serving[request] = app
    end
    return app
end

--- balancer_by_lua: the connection to the slot that the request is counted to.
function _M.balance(name)
    local request = this()
    local app = serving[request] or late(request, name)
    if not app then
        return ngx.exit(ngx.DECLINED)   -- a 502 without a word in the log: `again`
    end
    local ok, err = set_current_peer(app.host, app.port)
    if not ok then
        ngx.log(ngx.ERR, "holdfast: ", err)
        return ngx.exit(502)
    end
end

--- A request that a file answers is logged with the file's release.
function _M.show(app)
    shown[this()] = app.files
end

--- header_filter: an answer that takes long no longer counts as in flight.
function _M.header_filter()
    local app = flights.look()
    if app then
        line.answered(app)
    end
end

-- A request that had waited in line has ended, perhaps before its turn came.
local function leave(request, node)
    places[request] = nil
    line.over(node)
    if node.outcome == "go" and node.app then
        -- Let go, and its client hung up before it woke.
        gates.exit(node.app)
        line.answered(node.app)
    end
end

-- Tell the log which gate the request went through, and how long it waited. The text has all
-- of it in one variable, most often one that is ready: each costs time.
local function tell(style, app, waited)
    local var = ngx.var
    if style == "text" then
        var.hf_gate = app and not waited and app.logged or gates.logged(app, waited)
    elseif style == "json" then
        if app then
            var.hf_slot, var.hf_release = app.slot_name, app.release
        end
        if waited then
            var.hf_wait = string.format("%.3f", waited)
        end
    end
end

-- A request that has not simply gone through the open gate is over.
local function log_other(request, style)
    local node = places[request]
    if node then
        leave(request, node)
    end
    local app, long = land(request)
    tell(style, app or shown[request], node and node.waited)
    shown[request] = nil
    if app and not long then
        line.answered(app, line.waiting(app) and tonumber(ngx.var.upstream_response_time))
    end
end

--- log: the request is over, whatever became of it.
--
-- style: of the access log: "text", "json" or "off".
function _M.log(style)
    local request = this()
    local app = serving[request]
    if not app or places[request] or line.waiting(app) then
        return log_other(request, style)
    end
    tell(style, app)
    serving[request] = nil
    gates.exit(app)
end

return _M
