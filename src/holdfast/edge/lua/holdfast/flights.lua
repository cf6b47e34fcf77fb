-- Requests that are with the app, in this worker: each from when it is counted to its slot until it
-- is over. Those that take long (WebSockets, event streams, downloads) count apart from the rest.
--
-- A request is known by its address in memory, not in ngx.ctx: that one is lost when nginx
-- redirects to an error page, and costs more. The address stays the same until the log phase,
-- which every request comes to, whatever ends it.
--
-- Whether an answer takes long shows in its headers. A request that waited in line is looked at
-- when they come (`look`); for all others that would be a fifth of what the gate costs, so they are
-- looked at when somebody wants to know (`settle`).

local ffi = require "ffi"
local base = require "resty.core.base"
local board = require "holdfast.board"
local gates = require "holdfast.gates"
require "resty.core.misc"
require "resty.core.var"

local C = ffi.C
local cast, tonumber = ffi.cast, tonumber
local get_request = base.get_request
local address_t = ffi.typeof("uintptr_t")
local request_t = ffi.typeof("ngx_http_request_t *")

local LARGE_DIGITS = 7      -- an answer of 1,000,000 bytes or more is a download

-- Each: request -> the gate through which it went.
local serving = {}      -- no headers have come, or nobody has looked
local short = {}        -- they have, and it does not take long: in flight like those above
local long = {}         -- it takes long

local _M = { serving = serving, long = long }

local value = ffi.new("char *[1]")
local length = ffi.new("size_t[1]")
local problem = ffi.new("char *[1]")
local lower = ffi.new("char[64]")

--- What this request is known by.
function _M.this()
    return tonumber(cast(address_t, get_request()))
end

local function variable(request, name)
    local found = C.ngx_http_lua_ffi_var_get(request, name, #name, lower, 0, value, length, problem)
    return found == 0 and ffi.string(value[0], length[0]) or nil
end

-- Whether an answer whose headers have come takes long. Asked of nginx's variables, which say what
-- the app said: compression forgets the length.
local function takes_long(request, status)
    local size = variable(request, "upstream_http_content_length")
    if size then
        return #size >= LARGE_DIGITS
    end
    local kind = variable(request, "upstream_http_content_type")
    return status == 101 or kind ~= nil and kind:sub(1, 17) == "text/event-stream"
end

-- Whether a request takes long; nil if that does not show yet.
local function judge(request)
    local pointer = cast(request_t, cast(address_t, request))
    local status = C.ngx_http_lua_ffi_get_resp_status(pointer)
    if status ~= 0 then
        return takes_long(pointer, status)
    end
end

-- It has been judged, and counts accordingly.
local function settle(request, app, takes)
    serving[request] = nil
    if takes then
        long[request] = app
        board.add(app.cell + board.LONG + app.slot, 1)
        gates.exit(app)
    else
        short[request] = app
    end
end

--- Look at this request, whose headers have come; its gate, if it turns out to take long.
function _M.look()
    local request = _M.this()
    local app = serving[request]
    local takes = app and judge(request)
    if takes ~= nil then
        settle(request, app, takes)
    end
    return takes and app
end

--- Look at all requests of this worker.
function _M.settle()
    local judged = {}
    for request in pairs(serving) do
        judged[request] = judge(request)
    end
    for request, takes in pairs(judged) do
        settle(request, serving[request], takes)
    end
end

--- The request counts no more; the gate through which it went, and whether it took long.
function _M.land(request)
    local app = serving[request] or short[request]
    if app then
        serving[request], short[request] = nil, nil
        gates.exit(app)
        return app, false
    end
    app = long[request]
    if app then
        long[request] = nil
        board.add(app.cell + board.LONG + app.slot, -1)
    end
    return app, true
end

return _M
