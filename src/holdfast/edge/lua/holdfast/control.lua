-- The control socket: JSON in, JSON out, for whoever can open it (root, or the user who runs
-- the edge; the directory around it lets nobody else in).
--
--   POST /refresh           the gates' file has changed; answers when all workers know
--   GET  /status[?app=NAME] what is in flight and in line

local cjson = require "cjson.safe"
local board = require "holdfast.board"
local flights = require "holdfast.flights"
local gates = require "holdfast.gates"
local line = require "holdfast.line"

local _M = {}

local function reply(status, value)
    ngx.status = status
    ngx.header["Content-Type"] = "application/json"
    ngx.say(cjson.encode(value))
    return ngx.exit(ngx.HTTP_OK)
end

local function refresh()
    local ok, err = gates.reread()
    if not ok then
        return reply(500, { error = err })
    end
    board.tidy()
    line.pump_all()
    if not board.alone() then
        -- Another worker may stand between its count and its look at the generation; two
        -- milliseconds are a thousand times as long as that takes.
        ngx.sleep(0.002)
    end
    return reply(200, { generation = gates.generation })
end

local function counts(app)
    local earliest = board.earliest(app.index)
    return {
        mode = app.mode,
        effective = gates.effective(app),
        in_flight = {
            a = board.sum(app.index, board.IN_FLIGHT + 1),
            b = board.sum(app.index, board.IN_FLIGHT + 2),
        },
        long = {
            a = board.sum(app.index, board.LONG + 1),
            b = board.sum(app.index, board.LONG + 2),
        },
        waiting = board.sum(app.index, board.WAITING),
        oldest_wait = earliest and math.max(board.clock() - earliest, 0) or 0,
        down = board.sum(app.index, board.DOWN) > 0,
    }
end

local function status()
    gates.refresh()
    flights.settle()
    board.tidy()
    local wanted = ngx.var.arg_app
    local apps = {}
    for name, app in pairs(gates.apps) do
        if not wanted or wanted == name then
            apps[name] = counts(app)
        end
    end
    return reply(200, {
        generation = gates.generation,
        apps = apps,
        workers = board.workers(),
    })
end

function _M.handle()
    ngx.update_time()
    local method, uri = ngx.req.get_method(), ngx.var.uri
    if method == "POST" and uri == "/refresh" then
        return refresh()
    elseif method == "GET" and uri == "/status" then
        return status()
    end
    return reply(404, { error = "POST /refresh or GET /status" })
end

return _M
