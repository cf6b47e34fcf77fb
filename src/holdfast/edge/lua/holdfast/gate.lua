-- The gate: what happens to a request before it reaches the app, and after.
--
-- A request of an open gate is counted to its slot and sent on; that is the fast path, a few
-- memory operations. The count comes before the look at the generation, so that whoever
-- raises the generation and then reads the counts misses nobody.

local balancer = require "ngx.balancer"
local board = require "holdfast.board"
local gates = require "holdfast.gates"
local line = require "holdfast.line"
local pages = require "holdfast.pages"

local _M = {}

local IN_FLIGHT, LONG = board.IN_FLIGHT, board.LONG
local FOREVER = 1e6         -- seconds
local LARGE = 1024 * 1024   -- bytes of an answer that make it a download

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
    ok, err = gates.read()
    if not ok then
        ngx.log(ngx.ERR, "holdfast: gates not read: ", err)
    end
    if gates.generation > board.generation() then
        board.set_generation(gates.generation)
    end
    -- nginx runs what is left of the timers the moment a worker begins to shut down.
    ngx.timer.at(FOREVER, function(premature)
        if premature then
            board.set_exiting()
        end
    end)
end

local function go(app, slot)
    local ctx = ngx.ctx
    ctx.app = app
    ctx.slot = slot
    ctx.host = app.host
    ctx.port = app.port
    local var = ngx.var
    var.hf_slot = slot == 2 and "b" or "a"
    var.hf_release = app.release
end

local function count_off(app, slot, field)
    local cell = app.cell + field + slot
    board.add(cell, -1)
end

-- Wait for the request's turn, or answer it.
local function wait(app, arrived, back)
    local began = ngx.now()
    local node, why = line.wait(app, arrived, back)
    ngx.update_time()
    ngx.var.hf_wait = string.format("%.3f", ngx.now() - began)
    if not node then
        return pages.send(503, gates.apps[app.name] or app, why)
    end
    return go(node.app, node.slot)
end

local function slow(name)
    gates.refresh()
    local app = gates.apps[name]
    if not app then
        return pages.send(503, nil, "gone")
    end
    if app.mode == "maintenance"
        and not gates.allowed(app, ngx.var.binary_remote_addr) then
        return pages.send_maintenance(app)
    end
    local effective = gates.effective(app)
    if effective ~= "hold" and app.slot and not line.busy(app) then
        board.add(app.cell + IN_FLIGHT + app.slot, 1)
        return go(app, app.slot)
    end
    if effective == "maintenance" then
        -- Let through by its address, with a line left from before: no order to keep.
        if not app.slot then
            return pages.send(503, app, "gone")
        end
        board.add(app.cell + IN_FLIGHT + app.slot, 1)
        return go(app, app.slot)
    end
    if not app.slot and effective == "open" then
        return pages.send(503, app, "gone")
    end
    return wait(app, ngx.now(), false)
end

-- A body is read before the gate is asked: an upload on its way is no request in flight, and
-- one that arrives while the gate holds is whole when its turn comes.
local function read_body()
    local method = ngx.req.get_method()
    if method ~= "GET" and method ~= "HEAD" then
        ngx.req.read_body()
    end
end

--- The access phase of every request to an app.
function _M.access(name)
    read_body()
    local app = gates.apps[name]
    if app and app.open and not line.busy(app) then
        local cell = app.cell + IN_FLIGHT + app.slot
        board.add(cell, 1)
        if board.generation() == gates.generation then
            return go(app, app.slot)
        end
        board.add(cell, -1)
    end
    return slow(name)
end

--- The access phase of a request whose answer was 502 (nginx's own).
--
-- If no byte of it ever reached the app it goes back to its place in line; else it is
-- answered: it may have been acted on, and is never sent twice.
function _M.again(name)
    local var = ngx.var
    local slot = var.hf_slot == "b" and 2 or 1
    local app = gates.apps[name]
    local connected = (var.upstream_connect_time or "-"):match("([^%s,:]+)$") ~= "-"
    local sent = tonumber((var.upstream_bytes_sent or "0"):match("(%d+)$")) or 0
    if app and var.hf_slot ~= "-" then
        count_off(app, slot, IN_FLIGHT)
        var.hf_slot = "-"
    end
    if not app or (connected and sent > 0) then
        if app then
            line.answered(app)
        end
        return pages.send(502, app)
    end
    local tries = (tonumber(var.hf_tries) or 0) + 1
    var.hf_tries = tries
    if tries > 8 then   -- nginx allows ten internal redirects a request
        return pages.send(503, app, "timeout")
    end
    line.set_down(app, true)
    return wait(app, ngx.req.start_time(), true)
end

--- A request that nginx itself answers after it had been counted: too large, or too slow.
function _M.failed(status, name)
    local var = ngx.var
    local app = gates.apps[name]
    if app and var.hf_slot ~= "-" then
        -- Its own ngx.ctx went with the redirect to here; the variable did not.
        count_off(app, var.hf_slot == "b" and 2 or 1, IN_FLIGHT)
        line.answered(app)
    end
    return pages.send(status, app)
end

--- balancer_by_lua: the connection to the slot chosen in the access phase.
function _M.balance()
    local ctx = ngx.ctx
    local ok, err = balancer.set_current_peer(ctx.host, ctx.port)
    if not ok then
        ngx.log(ngx.ERR, "holdfast: ", err)
        return ngx.exit(502)
    end
end

--- header_filter: an answer that may take long no longer counts as in flight.
function _M.header_filter()
    local ctx = ngx.ctx
    local slot = ctx.slot
    if not slot or ctx.long then
        return
    end
    local header = ngx.header
    local long = ngx.status == 101
    if not long then
        local kind = header["Content-Type"]
        long = kind and kind:sub(1, 17) == "text/event-stream"
            or (tonumber(header["Content-Length"]) or 0) > LARGE
    end
    if long then
        ctx.long = true
        count_off(ctx.app, slot, IN_FLIGHT)
        board.add(ctx.app.cell + LONG + slot, 1)
        line.answered(ctx.app)
    end
end

--- log: the request is over, whatever became of it.
function _M.log()
    local ctx = ngx.ctx
    local slot, app = ctx.slot, ctx.app
    if not slot then
        local node = ctx.node
        if node and node.released then
            -- Let go, and its client hung up before it woke.
            count_off(node.app, node.slot, IN_FLIGHT)
            line.answered(node.app)
        end
        return
    end
    if ctx.long then
        count_off(app, slot, LONG)
        return
    end
    count_off(app, slot, IN_FLIGHT)
    line.answered(app, ctx.node and tonumber(ngx.var.upstream_response_time))
end

return _M
