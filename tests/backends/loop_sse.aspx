<%@ Page Language="C#"   %>

<script runat="server">
    // A numbered event every `interval` milliseconds, `count` of them (0: for ever).
    protected void Page_Load(object sender, EventArgs e)
    {
        Response.ContentType = "text/event-stream";
        Response.Expires = -1;
        Response.AddHeader("X-Accel-Buffering", "no");
        Response.BufferOutput = false;
        Server.ScriptTimeout = 3600;
        int count = int.Parse(Request.QueryString["count"] ?? "0");
        int interval = int.Parse(Request.QueryString["interval"] ?? "100");
        for (int id = 1; (count == 0 || id <= count) && Response.IsClientConnected; id++)
        {
            Response.Write("id: " + id + "\ndata: tick " + id + "\n\n");
            Response.Flush();
            System.Threading.Thread.Sleep(interval);
        }
    }
</script>
