-- What a client's socket knows: whether the client has hung up, and when it asked.
--
-- nginx tells the Lua module of a client that closes while its request waits, but not always:
-- not if the end came together with the last bytes of the request, and not after a body was
-- read (ngx_http_block_reading stays in the way). poll(2) knows in every case, also behind
-- bytes that wait to be read.

local ffi = require "ffi"
local base = require "resty.core.base"

ffi.cdef [[
struct holdfast_pollfd { int fd; short events; short revents; };
int poll(struct holdfast_pollfd *fds, unsigned long count, int timeout);

/* tcp(7): the beginning of struct tcp_info of linux/tcp.h. */
struct holdfast_tcp { uint8_t state[8]; uint32_t before[11], last_data_recv; };
int getsockopt(int fd, int level, int name, void *value, unsigned int *length);

/* The first members of nginx's own, the same in every version of it. */
struct holdfast_connection { void *data; void *read; void *write; int fd; };
struct holdfast_request { uint32_t signature; struct holdfast_connection *connection; };
]]

local C = ffi.C
local request_t = ffi.typeof("struct holdfast_request *")
local get_request = base.get_request

local _M = {}

local SIGNATURE = 0x50545448    -- "HTTP"
local POLLRDHUP = 0x2000        -- POLLERR and POLLHUP are always told

local IPPROTO_TCP, TCP_INFO = 6, 11

local tcp = ffi.new("struct holdfast_tcp")
local length = ffi.new("unsigned int[1]")
local one = ffi.new("struct holdfast_pollfd[1]")

--- The file descriptor of this request's connection, or nil.
function _M.socket()
    local request = ffi.cast(request_t, get_request())
    if request.signature ~= SIGNATURE then
        return nil
    end
    return request.connection.fd
end

--- Whether the client at this socket will read no answer.
function _M.gone(fd)
    if not fd then
        return false
    end
    one[0].fd, one[0].events, one[0].revents = fd, POLLRDHUP, 0
    return C.poll(one, 1, 0) == 1
end

--- Seconds since the last byte came; 0 where that is not known.
--
-- A worker that got no processor for a while finds many requests at once; another may have
-- had one of the same moment at once. The kernel knows when they really came (to 4 ms at worst).
function _M.since(fd)
    if not fd or ffi.os ~= "Linux" then
        return 0
    end
    length[0] = ffi.sizeof(tcp)
    if C.getsockopt(fd, IPPROTO_TCP, TCP_INFO, tcp, length) ~= 0
        or length[0] < ffi.sizeof(tcp) then
        return 0
    end
    return tcp.last_data_recv / 1000
end

--- Call `use` with each node whose client has hung up; the nodes lie in places first to last.
function _M.each_gone(nodes, first, last, use)
    local count = last - first + 1
    local fds = ffi.new("struct holdfast_pollfd[?]", count)
    for i = 0, count - 1 do
        local node = nodes[first + i]
        fds[i].fd = node and node.fd or -1      -- negative ones are passed over
        fds[i].events = POLLRDHUP
    end
    if C.poll(fds, count, 0) <= 0 then
        return
    end
    for i = 0, count - 1 do
        if fds[i].revents ~= 0 then
            use(nodes[first + i])
        end
    end
end

return _M
