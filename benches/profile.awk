# Sums the samples of `perf script -F comm,ip,sym` by part, by thread, and by function. See benches/profile.

# A part of the program, by the function on top of the stack.
function part_of(name) {
    if (name ~ /fantail::delivery/) return "delivery"
    if (name ~ /fantail::log|fantail::sse::write/) return "log"
    if (name ~ /fantail::(ingest|sse)/) return "ingest, parser"
    if (name ~ /fantail::hub/) return "hub"
    if (name ~ /fantail::source/) return "source"
    if (name ~ /fantail::edge/) return "edge"
    if (name ~ /rustls|aws_lc|fips|gcm|sha512|sha256|x25519|mlkem|ecp_|p256|bn_|aes/) return "TLS"
    if (name ~ /(^|[ <])h2::/) return "h2"
    if (name ~ /hyper|httparse|http::/) return "hyper"
    if (name ~ /tokio|futures|mio::/) return "tokio, mio"
    if (name ~ /mi_|malloc|free|bytes::|alloc::|drop_in_place/) return "memory"
    if (name ~ /mem(move|cpy|set|cmp|chr)/) return "copying"
    if (name ~ /fantail/) return "other of Fantail's"
    return "other"
}

# A system call, by its name anywhere below the top of the stack.
function call_of(stack) {
    if (stack ~ /__sys_sendto|__sys_sendmsg|x64_sys_writev|do_writev/) return "kernel: send"
    if (stack ~ /__sys_recvfrom|__sys_recvmsg|x64_sys_readv/) return "kernel: receive"
    if (stack ~ /epoll_wait|epoll_pwait/) return "kernel: epoll_wait"
    if (stack ~ /epoll_ctl/) return "kernel: epoll_ctl"
    if (stack ~ /eventfd_write|x64_sys_write|ksys_write/) return "kernel: wake (eventfd)"
    if (stack ~ /futex/) return "kernel: wake (futex)"
    if (stack ~ /accept4/) return "kernel: accept"
    if (stack ~ /sys_close|task_work|__fput|sys_shutdown/) return "kernel: close"
    if (stack ~ /setsockopt|getsockopt|getsockname|getpeername/) return "kernel: socket options"
    if (stack ~ /page_fault|exc_page/) return "kernel: page faults"
    if (stack ~ /sys_madvise|sys_mmap|sys_munmap|sys_mprotect/) return "kernel: memory"
    if (stack ~ /schedule|irq|softirq|timer/) return "kernel: scheduler, interrupts"
    return "kernel: other"
}

function end_sample() {
    if (top == "") return
    total++
    threads[thread]++
    is_kernel = top_address ~ /^ffffffff/
    parts[is_kernel ? call_of(stack) : part_of(top)]++
    functions[(is_kernel ? "[kernel] " : "") top]++
    top = ""
    stack = ""
}

function table(title, counts, least,    name, command) {
    print ""
    print title
    command = "sort -rn | head -" least
    for (name in counts) printf "%6.1f %%  %s\n", 100 * counts[name] / total, name | command
    close(command)
}

# A sample: the thread's name on a line, the stack below it, an empty line.
/^[^ \t]/ { end_sample(); thread = $0; sub(/[ \t]+$/, "", thread); next }
/^[ \t]*$/ { end_sample(); next }
{
    name = $0
    sub(/^[ \t]*[0-9a-f]+ /, "", name)
    if (top == "") { top = name; top_address = $1 }
    stack = stack " " name
}

END {
    end_sample()
    printf "\n%d samples\n", total
    table("by part", parts, 30)
    table("by thread", threads, 10)
    table("by function", functions, 25)
}
