-- The places of a line: nodes in the order of arrival. It knows nothing of gates or workers.
--
-- A node is a request's place. The line's nodes lie in three parts, in the order of arrival:
--
--   nodes[front .. first - 1]   let go, but not awake yet: they call the app within this turn
--                               of nginx's event loop, and nobody may overtake them
--   nodes[first .. last]        waiting; places of those who left are nil
--
-- `count` is how many wait. Each node knows its `place`, and has none once it is removed.

local max = math.max

local _M = {}

local numbers = 0

--- A number greater than all before it.
function _M.number()
    numbers = numbers + 1
    return numbers
end

--- An empty line.
function _M.new(name)
    return { name = name, nodes = {}, front = 1, first = 1, last = 0, count = 0 }
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

--- To the end.
function _M.append(line, node)
    local last = line.nodes[line.last]
    if last then
        node.arrived = max(node.arrived, last.arrived)  -- the kernel's clock is coarser than its order
    end
    line.last = line.last + 1
    line.nodes[line.last] = node
    node.place = line.last
    line.count = line.count + 1
end

--- Back to where it stood: before all who have not been let go yet, among those who have
-- been by its number.
function _M.insert(line, node)
    local nodes = line.nodes
    local place = line.first
    node.went = true
    while place <= line.last do
        local other = nodes[place]
        if other and (not other.went or other.number > node.number) then
            break
        end
        place = place + 1
    end
    if place > line.last then
        return _M.append(line, node)
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

--- Take a node out, waiting or let go.
function _M.remove(line, node)
    line.nodes[node.place] = nil
    if node.place >= line.first then
        line.count = line.count - 1
    end
    node.place = nil
    close_up(line)
end

--- Let the first who waits go: it no longer counts, and keeps its place until it is awake.
function _M.advance(line)
    line.nodes[line.first].went = true
    line.first = line.first + 1
    line.count = line.count - 1
    close_up(line)
end

--- Have those who were let go and are not awake yet wait again; call `use` with each.
function _M.recall(line, use)
    for place = line.front, line.first - 1 do
        local node = line.nodes[place]
        if node then
            line.count = line.count + 1
            use(node)
        end
    end
    line.first = line.front
    close_up(line)
end

return _M
