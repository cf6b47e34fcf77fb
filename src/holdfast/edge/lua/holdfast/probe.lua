-- Whether an app's target takes connections.

local ffi = require "ffi"

ffi.cdef [[
struct holdfast_unix { unsigned short family; char path[108]; };
int socket(int domain, int type, int protocol);
int connect(int fd, const struct holdfast_unix *address, unsigned int length);
int close(int fd);
]]

local C = ffi.C

local _M = {}

local AF_UNIX = 1
local STREAM_NONBLOCK_CLOEXEC = 1 + 0x800 + 0x80000

-- connect(2) to a unix socket decides at once. A cosocket would do, but nginx logs every
-- failure of one as critical, thirty times a second for as long as an app is away.
local function unix(path)
    local fd = C.socket(AF_UNIX, STREAM_NONBLOCK_CLOEXEC, 0)
    if fd < 0 then
        return false
    end
    local address = ffi.new("struct holdfast_unix", AF_UNIX)
    ffi.copy(address.path, path, math.min(#path, 107))
    local connected = C.connect(fd, address, ffi.sizeof(address)) == 0
    C.close(fd)
    return connected
end

local function tcp(host, port)
    local socket = ngx.socket.tcp()
    socket:settimeouts(500, 500, 500)
    local connected = socket:connect(host, port)
    if connected then
        socket:close()
    end
    return connected
end

--- Whether somebody listens, and has room in the queue, where the gate leads; may yield.
function _M.answers(app)
    if app.port then
        return tcp(app.host, app.port)
    end
    return unix(app.address:sub(6))
end

return _M
